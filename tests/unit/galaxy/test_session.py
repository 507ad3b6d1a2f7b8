"""Whole sessions, with a stand-in for the viewer that has the same command line."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOOL = HERE.parents[2] / "tool"
NASTY = "\"; rm -rf ~ #'<b>é😀.h5ad"


class Session:
    """A job's folders, and the command run in them as Galaxy's job script runs it."""

    def __init__(self, folder, port, python=sys.executable, **popen):
        self.job = folder / "000" / "7"
        self.working = self.job / "working"
        self.working.mkdir(parents=True)
        self.report = folder / "report.dat"
        self.report.touch()
        (folder / "dataset_1.dat").write_bytes(b"x")
        self.port = port
        self.config = folder / "config"
        self.config.write_text(
            json.dumps(
                {
                    "dataset": str(folder / "dataset_1.dat"),
                    "name": NASTY,
                    "port": port,
                    "report": str(self.report),
                    "outputs": "saved",
                }
            )
        )
        self.record = folder / "record"
        self.python = python
        self.popen = popen

    def start(self, **behaviour):
        environ = {
            **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "TMPDIR"}},
            **{f"STAND_IN_{k.upper()}": str(v) for k, v in behaviour.items()},
            "STAND_IN_RECORD": str(self.record),
            "PYTHONPATH": os.pathsep.join([str(HERE / "stand_in"), str(TOOL)]),
            "LC_ALL": "C",
        }
        return subprocess.Popen(
            [self.python, "-m", "starcyte_galaxy", "run", str(self.config)],
            cwd=self.working,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **self.popen,
        )

    @property
    def starts(self):
        return [json.loads(line) for line in self.record.read_text(encoding="utf-8").splitlines()]

    def registered(self):
        runtime = self.job / "container_runtime.json"
        wait_for(runtime.exists)
        return json.loads(runtime.read_text())[str(self.port)]


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path, free_port())


def test_until_galaxy_stops_it(session):
    process = session.start()
    registered = session.registered()
    assert registered == {"tool_port": session.port, "host": "127.0.0.1", "port": session.port, "protocol": "tcp"}
    socket.create_connection(("127.0.0.1", registered["port"])).close()
    assert "Closed" not in session.report.read_text(encoding="utf-8")
    began = time.monotonic()
    process.terminate()
    _, err = process.communicate(timeout=10)
    # Galaxy waits one second before it kills
    assert time.monotonic() - began < 1
    assert (process.returncode, err) == (0, "")
    assert "(by Galaxy)" in session.report.read_text(encoding="utf-8")
    assert (session.working / "saved").is_dir()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", registered["port"]))


def test_what_the_viewer_is_given(session):
    process = session.start()
    session.registered()
    process.terminate()
    process.communicate(timeout=10)
    (start,) = session.starts
    # the job's locale is C, and the name has an accent and an emoji
    assert start["arguments"]["title"] == NASTY
    assert start["arguments"]["dataset"].endswith("dataset_1.dat")
    assert start["arguments"]["host"] == "127.0.0.1"
    assert start["environ"]["HDF5_USE_FILE_LOCKING"] == "FALSE"


def test_signal_to_the_whole_group(tmp_path):
    # Galaxy's local runner signals the process group, so the viewer gets the signal twice
    session = Session(tmp_path, free_port(), process_group=0)
    process = session.start()
    session.registered()
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")


def test_viewer_that_does_not_leave(session):
    process = session.start(deaf=1)
    session.registered()
    viewer = json.loads((session.working / "starcyte_ready.json").read_text())["pid"]
    began = time.monotonic()
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert time.monotonic() - began < 1.5
    with pytest.raises(ProcessLookupError):
        os.kill(viewer, 0)


def test_stop_before_it_is_ready(session):
    process = session.start()
    wait_for(session.record.exists)
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_taken_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        session = Session(tmp_path, other.getsockname()[1])
        process = session.start()
        registered = session.registered()
        assert registered["tool_port"] == session.port != registered["port"]
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0


def test_port_taken_at_the_last_moment(session):
    process = session.start(thief=1)
    assert session.registered()["port"] != session.port
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert [s["arguments"]["port"] for s in session.starts] == [session.port, 0]


def test_in_a_container_the_port_is_the_declared_one_on_every_address(session):
    (session.job / "configs").mkdir()
    (session.job / "configs" / "container_config.json").write_text('{"container_type": "docker"}')
    process = session.start()
    wait_for((session.working / "starcyte_ready.json").exists)
    process.terminate()
    process.communicate(timeout=10)
    (start,) = session.starts
    assert (start["arguments"]["host"], start["arguments"]["port"]) == ("0.0.0.0", session.port)
    assert not (session.job / "container_runtime.json").exists()


@pytest.mark.parametrize(
    ("behaviour", "status"), [({"status": 2}, 2), ({"status": 0}, 0), ({"later": 1}, 1), ({"later": 0}, 0)]
)
def test_the_exit_status_is_the_viewers(session, behaviour, status):
    process = session.start(**behaviour)
    process.communicate(timeout=20)
    assert process.returncode == status
    if behaviour == {"later": 1}:
        assert "the viewer failed" in session.report.read_text(encoding="utf-8")


def test_killed_viewer(session):
    process = session.start()
    session.registered()
    os.kill(json.loads((session.working / "starcyte_ready.json").read_text())["pid"], signal.SIGKILL)
    process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGKILL


def test_missing_dataset_is_one_line(session):
    config = json.loads(session.config.read_text())
    Path(config["dataset"]).unlink()
    process = session.start()
    _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert err.count("\n") == 1
    assert "purged" in err and NASTY in err


def other_python():
    """Return a Python 3.11 or later that any user can run; the tests' own may lie in root's home."""
    for path in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if Path(path).exists():
            code = "import sys; sys.exit(sys.version_info < (3, 11))"
            if subprocess.run([path, "-c", code], check=False).returncode == 0:
                return path
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(
    not HERE.stat().st_mode & stat.S_IXOTH or other_python() is None, reason="no Python that others can run"
)
def test_uid_without_a_passwd_entry():
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder), free_port(), other_python(), user=12345, group=12345, extra_groups=[])
        for path in (Path(folder), *Path(folder).rglob("*")):
            os.chown(path, 12345, 12345)
        process = session.start()
        try:
            session.registered()
        finally:
            process.terminate()
        _, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (0, "")
        (start,) = session.starts
        assert os.access(start["environ"]["HOME"], os.W_OK)
        assert start["environ"]["HOME"] == str(session.working)
