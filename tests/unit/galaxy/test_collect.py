"""The session report and the folder of outputs."""

from datetime import UTC, datetime

import pytest
from starcyte_galaxy.collect import Report, make_outputs_folder
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.stage import Job


@pytest.fixture
def job(tmp_path):
    dataset = tmp_path / "dataset_1.dat"
    dataset.write_bytes(bytes(12345))
    return Job(dataset, "PBMC, é😀", 8000, tmp_path / "report.dat", tmp_path / "saved")


def clock():
    return datetime(2026, 11, 22, 9, 5, tzinfo=UTC)


def test_report_is_true_at_any_time(job):
    report = Report(job, clock)
    report.opened()
    text = job.report.read_text(encoding="utf-8")
    assert "Dataset   PBMC, é😀\n" in text
    assert "Size      12,345 bytes\n" in text
    assert "Opened    2026-11-22 09:05:00 UTC\n" in text
    assert "Closed" not in text
    assert "Saved     nothing\n" in text
    make_outputs_folder(job)
    (job.outputs / "labels.csv").write_text("a")
    report.closed("by Galaxy")
    text = job.report.read_text(encoding="utf-8")
    assert "Closed    2026-11-22 09:05:00 UTC (by Galaxy)\n" in text
    assert "Saved     labels.csv\n" in text


def test_report_is_written_in_place(job):
    job.report.write_text("what Galaxy made, longer than any report " * 100)
    before = job.report.stat().st_ino
    Report(job, clock).opened()
    assert job.report.stat().st_ino == before
    assert job.report.read_text(encoding="utf-8").startswith("starcyte: session report\n")
    assert "longer" not in job.report.read_text(encoding="utf-8")


def test_refused_report_ends_nothing(job, capsys):
    job.report.mkdir()
    Report(job, clock).opened()
    assert "session report cannot be written" in capsys.readouterr().out


def test_outputs_folder_that_cannot_be(job):
    job.outputs.write_text("a file in its place")
    with pytest.raises(JobError, match="administrator"):
        make_outputs_folder(job)
