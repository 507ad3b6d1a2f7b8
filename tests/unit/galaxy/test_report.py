"""The session report and the folder of outputs."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.job_config import Dataset, Job, with_ids
from starcyte_galaxy.report import Report, make_outputs_folder


@pytest.fixture
def job(tmp_path):
    dataset = tmp_path / "dataset_1.dat"
    dataset.write_bytes(bytes(12345))
    return Job((Dataset(dataset, "PBMC, é😀"),), 8000, tmp_path / "report.dat", tmp_path / "saved")


def clock():
    return datetime(2026, 11, 22, 9, 5, tzinfo=UTC)


def test_report_is_true_at_any_time(job):
    report = Report(job, clock)
    report.record_opened()
    text = job.report.read_text(encoding="utf-8")
    assert "Dataset     PBMC, é😀\n" in text
    assert "Size        12,345 bytes\n" in text
    assert "Opened      2026-11-22 09:05:00 UTC\n" in text
    assert "Closed" not in text
    assert "Saved       nothing\n" in text
    make_outputs_folder(job)
    (job.outputs / "annotations.csv").write_text("a")
    report.record_closed("by Galaxy")
    text = job.report.read_text(encoding="utf-8")
    assert "Closed      2026-11-22 09:05:00 UTC (by Galaxy)\n" in text
    assert "Saved       annotations.csv (1 bytes)\n" in text


def test_a_purged_dataset_does_not_end_the_session(job):
    report = Report(job, clock)
    report.record_opened()
    job.datasets[0].path.unlink()
    make_outputs_folder(job)
    (job.outputs / "annotations.csv").write_text("a")
    report.refresh()
    report.record_closed("by Galaxy")
    text = job.report.read_text(encoding="utf-8")
    assert "Size        12,345 bytes\n" in text
    assert "Saved       annotations.csv (1 bytes)\n" in text


def test_report_has_the_inputs(job, tmp_path):
    Report(replace(job, index=tmp_path, session=tmp_path, read_only=True), clock).record_opened()
    text = job.report.read_text(encoding="utf-8")
    for line in ("Index       prepared", "Continued   from a saved session", "Changes     disabled (read only)"):
        assert f"{line}\n" in text


def test_report_is_written_in_place(job):
    job.report.write_text("what Galaxy made, longer than any report " * 100)
    before = job.report.stat().st_ino
    Report(job, clock).record_opened()
    assert job.report.stat().st_ino == before
    assert job.report.read_text(encoding="utf-8").startswith("starcyte: session report\n")
    assert "longer" not in job.report.read_text(encoding="utf-8")


def test_report_is_whole_when_the_job_is_killed_while_it_is_written(job, monkeypatch):
    class Killed(BaseException):
        pass

    report = Report(job, clock)
    report.record_opened()
    whole = job.report.read_text(encoding="utf-8")
    for call in ("pwrite", "ftruncate"):

        def die(*_):
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(os, call, die)
            with pytest.raises(Killed):
                report.record_closed("by Galaxy")
        text = job.report.read_text(encoding="utf-8")
        assert text == whole or "(by Galaxy)" in text
        assert text.endswith("The dataset itself was not changed.\n")


def test_a_report_that_cannot_be_written_does_not_end_the_job(job, capsys):
    job.report.mkdir()
    Report(job, clock).record_opened()
    assert "session report cannot be written" in capsys.readouterr().out


def test_an_outputs_folder_that_cannot_be_created(job):
    job.outputs.write_text("a file in its place")
    with pytest.raises(JobError, match="administrator"):
        make_outputs_folder(job)


SESSION = {
    "annotations": [
        {
            "name": "cell types",
            # runs of cells, by turns of those that are not in it and those that are
            "labels": [{"name": "T cell", "cells": [2, 3, 1, 1]}, {"name": "B\ncell", "cells": []}],
        }
    ],
    "genesets": [{"name": "markers", "genes": ["CD3D", "CD3E"]}],
    "views": [{"name": "one"}, {"name": "two"}],
    "results": [],
}


def test_the_report_has_the_content_of_the_session(job):
    make_outputs_folder(job)
    report = Report(job, clock)
    report.record_opened()
    (job.outputs / "session.json").write_text(json.dumps(SESSION))
    report.refresh()
    lines = job.report.read_text(encoding="utf-8").splitlines()
    assert "Annotation  cell types: T cell (4), B cell (0)" in lines
    assert "Gene sets   markers (2 genes)" in lines
    assert "Views       one, two" in lines
    assert not any(line.startswith("Results") for line in lines)
    assert "with the saved session to continue" in lines[-1]


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"annotations": 3}', '{"annotations": [{"name": 1}]}', json.dumps({"a": 1})]
)
def test_report_of_a_session_that_it_does_not_know(job, text):
    make_outputs_folder(job)
    (job.outputs / "session.json").write_text(text)
    report = Report(job, clock)
    report.record_opened()
    assert f"Saved       session.json ({len(text)} bytes)" in job.report.read_text(encoding="utf-8")


def test_the_report_is_written_only_after_changes(job):
    make_outputs_folder(job)
    report = Report(job, clock)
    report.record_opened()
    job.report.write_text("")
    report.refresh()
    assert job.report.read_text() == ""
    (job.outputs / "annotations.tabular").write_text("cell")
    report.refresh()
    assert "annotations.tabular" in job.report.read_text(encoding="utf-8")
    (job.outputs / "annotations.tabular").unlink()
    report.refresh()
    assert "Saved       nothing" in job.report.read_text(encoding="utf-8")


def test_report_of_several(job, tmp_path):
    (tmp_path / "dataset_2.dat").write_bytes(bytes(7))
    both = with_ids([*job.datasets, Dataset(tmp_path / "dataset_2.dat", "second")])
    job = replace(job, datasets=both)
    make_outputs_folder(job)
    report = Report(job, clock)
    report.record_opened()
    assert report.saved == []
    (job.outputs / "second").mkdir()
    (job.outputs / "second" / "session.json").write_text(json.dumps(SESSION))
    # what is still being written lies in a folder beside it
    (job.outputs / ".second.saving").mkdir()
    (job.outputs / ".second.saving" / "annotations.tabular").touch()
    report.refresh()
    assert report.saved == [job.outputs / "second" / "session.json"]
    first, session, pbmc, second, last = job.report.read_text(encoding="utf-8").split("\n\n")
    assert first == "starcyte: session report"
    assert session.splitlines()[0] == "Datasets    2"
    assert session.splitlines()[2] == "Opened      2026-11-22 09:05:00 UTC"
    assert pbmc.splitlines() == ["Dataset     PBMC, é😀", "Size        12,345 bytes", "Saved       nothing"]
    assert second.splitlines()[:3] == [
        *("Dataset     second", "Size        7 bytes", "Annotation  cell types: T cell (4), B cell (0)"),
    ]
    assert second.splitlines()[-1].startswith("Saved       second/session.json (")
    assert "run it on that dataset only, with its session" in last
    assert "The datasets themselves were not changed." in last


def test_many_names_are_not_all_listed(job):
    make_outputs_folder(job)
    labels = [{"name": f"c{i}", "cells": [0, 1]} for i in range(1000)]
    session = SESSION | {"annotations": [{"name": "many", "labels": labels}]}
    (job.outputs / "session.json").write_text(json.dumps(session))
    report = Report(job, clock)
    report.record_opened()
    assert "c49 (1) and 950 more\n" in job.report.read_text(encoding="utf-8")
