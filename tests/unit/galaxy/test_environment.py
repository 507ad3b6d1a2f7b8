"""The environment of the viewer, and how it keeps within the memory that Galaxy gives a job."""

import pytest
from starcyte_galaxy.environment import BLOCK_BYTES, fit_memory, viewer_environment


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


def test_a_forgotten_session_ends(tmp_path):
    assert viewer_environment({}, tmp_path)["STARCYTE_IDLE_TIMEOUT"] == str(12 * 3600)
    assert viewer_environment({"STARCYTE_IDLE_TIMEOUT": "0"}, tmp_path)["STARCYTE_IDLE_TIMEOUT"] == "0"


def test_a_missing_temporary_folder_is_not_used(tmp_path):
    assert viewer_environment({"TMPDIR": "/nonexistent"}, tmp_path)["TMPDIR"] != "/nonexistent"
    assert viewer_environment({"TMPDIR": str(tmp_path)}, tmp_path)["TMPDIR"] == str(tmp_path)


@pytest.mark.parametrize(
    ("memory_mb", "slots", "workers", "block_bytes"),
    [
        (0, 4, 4, BLOCK_BYTES),
        (3800, 1, 1, BLOCK_BYTES),
        (3800, 64, 35, BLOCK_BYTES),
        (1000, 8, 7, BLOCK_BYTES),
        (400, 8, 1, BLOCK_BYTES),
        (350, 8, 1, BLOCK_BYTES // 2),
        (100, 8, 1, 2 << 20),
    ],
)
def test_room(memory_mb, slots, workers, block_bytes):
    assert fit_memory(memory_mb, slots) == (workers, block_bytes)


def test_memory_of_the_job(tmp_path):
    env = viewer_environment({"GALAXY_MEMORY_MB": "350", "GALAXY_SLOTS": "4"}, tmp_path)
    assert (env["STARCYTE_WORKERS"], env["STARCYTE_BLOCK_BYTES"]) == ("1", str(BLOCK_BYTES // 2))
    env = viewer_environment({"GALAXY_MEMORY_MB": "", "GALAXY_SLOTS": "4"}, tmp_path)
    assert env["STARCYTE_WORKERS"] == "4"
    assert "STARCYTE_BLOCK_BYTES" not in env
    env = viewer_environment({"GALAXY_MEMORY_MB": "350", "STARCYTE_BLOCK_BYTES": "5"}, tmp_path)
    assert env["STARCYTE_BLOCK_BYTES"] == "5"
