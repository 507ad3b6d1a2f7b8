"""The config file that the wrapper writes, and the environment of the viewer."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.job_config import (
    Dataset,
    printable,
    read_config,
    with_dataset_names,
    with_ids,
)

NASTY = "\"; rm -rf ~ #'<b>é😀.h5ad"


@pytest.fixture
def config(tmp_path):
    (tmp_path / "dataset_1.dat").write_bytes(b"x")
    return {
        "datasets": [{"dataset": str(tmp_path / "dataset_1.dat"), "name": NASTY}],
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
    assert job.datasets == (Dataset(tmp_path / "dataset_1.dat", NASTY),)
    assert (job.port, job.galaxy_url) == (8000, "http://localhost:8080")
    assert job.outputs == tmp_path / "saved"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"datasets": None}, "None as 'datasets'"),
        ({"datasets": []}, "[] as 'datasets'"),
        ({"datasets": ["a"]}, "['a'] as 'datasets'"),
        ({"datasets": [{"dataset": None}]}, "None as 'dataset'"),
        ({"datasets": [{"dataset": "/", "name": 3}]}, "3 as 'name'"),
        ({"port": "8000"}, "'8000' as 'port'"),
        ({"port": True}, "True as 'port'"),
        ({"port": 0}, "0 as the port"),
        ({"port": 65536}, "65536 as the port"),
        (
            {"datasets": [{"dataset": "/nowhere/dataset_2.dat", "name": "a"}]},
            'The dataset "a" cannot be opened: its file does not exist. It may have been purged',
        ),
        ({"datasets": [{"dataset": "/", "name": "a"}]}, "cannot be opened: Is a directory"),
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
def test_an_invalid_config_is_reported_with_a_hint(tmp_path, config, change, said):
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
    config["datasets"][0]["name"] = "\n"
    (dataset,) = read(tmp_path, config).datasets
    assert (dataset.name, dataset.id) == ("unnamed dataset", "")


def several(tmp_path, *names):
    for i in range(len(names)):
        (tmp_path / f"dataset_{i}.dat").touch()
    return [{"dataset": str(tmp_path / f"dataset_{i}.dat"), "name": name} for i, name in enumerate(names)]


def test_several_datasets(tmp_path, config):
    given = several(tmp_path, "PBMC 3k.h5ad", NASTY, "PBMC 3k", "pbmc_3K", "肝臓", "肝臓", "--port=1")
    job = read(tmp_path, config | {"datasets": given})
    assert [d.name for d in job.datasets] == [entry["name"] for entry in given]
    assert [d.id for d in job.datasets] == [
        *("PBMC_3k", "rm_-rf_b_e", "PBMC_3k_2", "pbmc_3K_3", "dataset", "dataset_2", "port_1"),
    ]


@given(st.lists(st.text(), min_size=2, max_size=30))
def test_ids_are_safe_and_the_same_each_time(names):
    datasets = [Dataset(Path(f"/{i}"), name) for i, name in enumerate(names)]
    found = with_ids(datasets)
    assert [(d.path, d.name) for d in found] == [(d.path, d.name) for d in datasets]
    ids = [d.id for d in found]
    assert all(re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]{0,63}", id_) for id_ in ids)
    # a file system may not tell them apart by case
    assert len({id_.lower() for id_ in ids}) == len(ids)
    assert with_ids(datasets) == found


def test_one_file_is_one_dataset(tmp_path, config):
    """As where a history has a copy of a dataset."""
    given = several(tmp_path, "first", "second", "copy")
    given[2]["dataset"] = given[0]["dataset"]
    assert [d.name for d in read(tmp_path, config | {"datasets": given}).datasets] == ["first", "second"]
    job = read(tmp_path, config | {"datasets": [given[0], given[2]]})
    assert [(d.name, d.id) for d in job.datasets] == [("first", "")]


@pytest.mark.parametrize("key", ["index", "session"])
def test_inputs_of_one_dataset_are_refused_for_several(tmp_path, config, key):
    given = several(tmp_path, "a", "b")
    with pytest.raises(JobError, match=r"belongs to one dataset, but 2 were selected\. Select only that dataset"):
        read(tmp_path, config | {"datasets": given, key: given[0]["dataset"]})


def test_optional_values(tmp_path, config):
    job = read(tmp_path, config | {"index": "", "session": "", "color_by": "", "idle_minutes": None})
    assert (job.index, job.session, job.color_by, job.idle_minutes) == (None, None, "", None)
    assert (job.read_only, job.only_report) == (False, False)


@pytest.mark.parametrize(("given", "minutes"), [(0, 0), (1.5, 1.5), ("30", 30), ("", None), ("None", None)])
def test_minutes(tmp_path, config, given, minutes):
    assert read(tmp_path, config | {"idle_minutes": given}).idle_minutes == minutes


def test_messages_name_the_dataset_as_its_user_does(tmp_path):
    dataset, other = Dataset(tmp_path / "dataset_1.dat", NASTY), Dataset(tmp_path / "dataset_11.dat", "dataset_1.dat")
    for said in ("'dataset_1.dat'", "dataset_1.dat", f"'{tmp_path / 'dataset_1.dat'}'", "'dataset_1'"):
        assert (
            with_dataset_names(f"In {said} something is wrong.", [other, dataset])
            == f'In "{NASTY}" something is wrong.'
        )
    assert with_dataset_names("dataset_11.dat, dataset_1.dat", [dataset, other]) == f'"dataset_1.dat", "{NASTY}"'
