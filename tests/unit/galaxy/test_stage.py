"""The config file that the wrapper writes, and the environment of the viewer."""

import json

import pytest
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.stage import Dataset, printable, read_annotation, read_config

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
    assert (job.dataset.name, job.port, job.galaxy_url) == (NASTY, 8000, "http://localhost:8080")
    assert job.dataset.path == tmp_path / "dataset_1.dat"
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
        ({"index": "/nowhere/index.dat"}, "The prepared column index cannot be opened"),
        ({"session": 3}, "3 as 'session'"),
        ({"color_by": None}, "None as 'color_by'"),
        ({"read_only": "true"}, "'true' as 'read_only'"),
        ({"idle_minutes": -1}, "cannot end after -1 minutes"),
        ({"idle_minutes": "soon"}, "cannot end after 'soon' minutes"),
        ({"idle_minutes": float("nan")}, "cannot end after nan minutes"),
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
    assert read(tmp_path, config | {"name": "\n"}).dataset.name == "unnamed dataset"


def test_what_may_be_left_out(tmp_path, config):
    job = read(tmp_path, config | {"index": "", "session": "", "color_by": "", "idle_minutes": None})
    assert (job.index, job.session, job.color_by, job.idle_minutes) == (None, None, "", None)
    assert (job.read_only, job.only_report) == (False, False)


@pytest.mark.parametrize(("given", "minutes"), [(0, 0), (1.5, 1.5), ("30", 30), ("", None), ("None", None)])
def test_minutes(tmp_path, config, given, minutes):
    assert read(tmp_path, config | {"idle_minutes": given}).idle_minutes == minutes


def test_messages_name_the_dataset_as_its_user_does(tmp_path):
    dataset = Dataset(tmp_path / "dataset_1.dat", NASTY)
    for said in ("'dataset_1.dat'", "dataset_1.dat", f"'{tmp_path / 'dataset_1.dat'}'", "'dataset_1'"):
        assert dataset.named_in(f"In {said} something is wrong.") == f'In "{NASTY}" something is wrong.'


def annotation(tmp_path, **values):
    for name in ("dataset_1.dat", "dataset_2.dat"):
        (tmp_path / name).touch()
    given = {
        "dataset": str(tmp_path / "dataset_1.dat"),
        "name": NASTY,
        "labels": str(tmp_path / "dataset_2.dat"),
        "labels_name": "labels",
        "labels_format": "tabular",
        "output": "annotated.h5ad",
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(given | values))
    return read_annotation(path)


def test_annotation_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read = annotation(tmp_path)
    assert (read.dataset.name, read.labels.name, read.labels_format) == (NASTY, "labels", "tabular")
    assert read.output == tmp_path / "annotated.h5ad"


def test_labels_that_cannot_be_read(tmp_path):
    with pytest.raises(JobError, match=r"datatype 'bam'. Give one of tabular"):
        annotation(tmp_path, labels_format="bam")
    with pytest.raises(JobError, match='The labels "labels" cannot be opened'):
        annotation(tmp_path, labels="/nowhere/dataset_3.dat")
