"""The config file that the wrapper writes, and the environment of the viewer."""

import json

import pytest
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.stage import printable, read_config, viewer_environment

NASTY = "\"; rm -rf ~ #'<b>é😀.h5ad"


@pytest.fixture
def config(tmp_path):
    (tmp_path / "dataset_1.dat").write_bytes(b"x")
    return {
        "dataset": str(tmp_path / "dataset_1.dat"),
        "name": NASTY,
        "port": 8000,
        "report": str(tmp_path / "report.dat"),
        "outputs": "saved",
        "galaxy_url": "http://localhost:8080",
    }


def read(tmp_path, config):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    return read_config(path)


def test_config_is_read(tmp_path, config, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = read(tmp_path, config)
    assert (job.name, job.port, job.galaxy_url) == (NASTY, 8000, "http://localhost:8080")
    assert job.dataset == tmp_path / "dataset_1.dat"
    assert job.outputs == tmp_path / "saved"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dataset": None}, "None as 'dataset'"),
        ({"name": 3}, "3 as 'name'"),
        ({"port": "8000"}, "'8000' as 'port'"),
        ({"port": True}, "True as 'port'"),
        ({"port": 0}, "0 as the port"),
        ({"port": 65536}, "65536 as the port"),
        ({"dataset": "/nowhere/dataset_2.dat"}, "is not there. It may have been purged"),
        ({"dataset": "/"}, "cannot be opened: Is a directory"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_unusable_config_says_what_to_do(tmp_path, config, change, said):
    with pytest.raises(JobError) as caught:
        read(tmp_path, config | change)
    assert said in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "\ufeff{}", "3"])
def test_no_config_at_all(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(JobError, match="administrator"):
        read_config(path)


def test_missing_config(tmp_path):
    with pytest.raises(JobError, match="cannot be read"):
        read_config(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (NASTY, NASTY),
        ("two\nlines\x00\x1b[31m", "two lines [31m"),
        ("half \ud83d pair", "half ? pair"),
        ("--port=1", "--port=1"),
    ],
)
def test_names_can_be_handed_on(name, shown):
    assert printable(name) == shown


def test_dataset_without_a_name(tmp_path, config):
    assert read(tmp_path, config | {"name": "\n"}).name == "unnamed dataset"


def test_environment_of_a_bare_uid(tmp_path):
    env = viewer_environment({"GALAXY_SLOTS": "4", "HOME": "/nonexistent", "PATH": "/bin"}, tmp_path)
    assert env["HOME"] == str(tmp_path)
    assert env["PATH"] == "/bin"
    assert (env["OMP_NUM_THREADS"], env["HDF5_USE_FILE_LOCKING"]) == ("4", "FALSE")
    assert (env["STARCYTE_WORKERS"], env["STARCYTE_CACHE_DIR"]) == ("4", str(tmp_path / "cache"))


def test_environment_of_a_whole_user(tmp_path):
    given = {"HOME": str(tmp_path), "OMP_NUM_THREADS": "2", "GALAXY_SLOTS": "many", "STARCYTE_THREADS": "4"}
    env = viewer_environment(given, tmp_path / "working")
    assert env["HOME"] == str(tmp_path)
    assert (env["OMP_NUM_THREADS"], env["OPENBLAS_NUM_THREADS"]) == ("2", "1")
    assert env["STARCYTE_THREADS"] == "4"


def test_administrator_chooses_the_cache(tmp_path):
    env = viewer_environment({"STARCYTE_CACHE_DIR": "/shared", "STARCYTE_WORKERS": "1", "GALAXY_SLOTS": "8"}, tmp_path)
    assert (env["STARCYTE_CACHE_DIR"], env["STARCYTE_WORKERS"]) == ("/shared", "1")
