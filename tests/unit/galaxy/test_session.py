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
from starcyte.catalog.config import read_config

pytestmark = pytest.mark.slow

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
                    "datasets": [{"dataset": str(folder / "dataset_1.dat"), "name": NASTY}],
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

    @property
    def viewer(self):
        """The id of the viewer's process."""
        return json.loads((self.working / "starcyte_ready.json").read_text())["pid"]

    def change(self, **values):
        self.config.write_text(json.dumps(json.loads(self.config.read_text()) | values))

    def add(self, name):
        """Give it one dataset more."""
        datasets = json.loads(self.config.read_text())["datasets"]
        path = self.config.with_name(f"dataset_{len(datasets) + 1}.dat")
        path.write_bytes(b"x")
        self.change(datasets=[*datasets, {"dataset": str(path), "name": name}])

    def registered(self):
        runtime = self.job / "container_runtime.json"
        wait_for(runtime.exists)
        return json.loads(runtime.read_text())[str(self.port)]


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def listens(port):
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


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
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "(by Galaxy)" in session.report.read_text(encoding="utf-8")
    assert (session.working / "saved").is_dir()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", registered["port"]))


def test_arguments_of_the_viewer(session):
    process = session.start()
    session.registered()
    process.terminate()
    process.communicate(timeout=60)
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
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_viewer_that_does_not_leave(session):
    process = session.start(deaf=1)
    session.registered()
    viewer = session.viewer
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0
    with pytest.raises(ProcessLookupError):
        os.kill(viewer, 0)


def test_stop_before_it_is_ready(session):
    process = session.start()
    wait_for(session.record.exists)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_taken_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        session = Session(tmp_path, other.getsockname()[1])
        process = session.start()
        registered = session.registered()
        assert registered["tool_port"] == session.port != registered["port"]
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_port_taken_at_the_last_moment(session):
    process = session.start(thief=1)
    assert session.registered()["port"] != session.port
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert [s["arguments"]["port"] for s in session.starts] == [session.port, 0]


def test_in_a_container_the_port_is_the_declared_one_on_every_address(session):
    (session.job / "configs").mkdir()
    (session.job / "configs" / "container_config.json").write_text('{"container_type": "docker"}')
    process = session.start()
    wait_for((session.working / "starcyte_ready.json").exists)
    process.terminate()
    process.communicate(timeout=60)
    (start,) = session.starts
    assert (start["arguments"]["host"], start["arguments"]["port"]) == ("0.0.0.0", session.port)
    assert not (session.job / "container_runtime.json").exists()


@pytest.mark.parametrize(
    ("behaviour", "status"), [({"status": 2}, 2), ({"status": 0}, 0), ({"later": 1}, 1), ({"later": 0}, 0)]
)
def test_the_exit_status_is_the_viewers(session, behaviour, status):
    process = session.start(**behaviour)
    process.communicate(timeout=60)
    assert process.returncode == status
    if behaviour == {"later": 1}:
        assert "the viewer failed" in session.report.read_text(encoding="utf-8")


def kill_again(session, times):
    """Kill the viewer as often as it comes back."""
    killed = set()

    def is_back():
        return (session.working / "starcyte_ready.json").exists() and session.viewer not in killed

    for _ in range(times):
        wait_for(is_back)
        killed.add(session.viewer)
        os.kill(session.viewer, signal.SIGKILL)


def test_killed_viewer_is_started_again(session):
    process = session.start(save="cell")
    port = session.registered()["port"]
    kill_again(session, 1)
    wait_for(lambda: len(session.starts) == 2)
    wait_for(lambda: "Restarted" in session.report.read_text(encoding="utf-8"))
    # where the page, and Galaxy's proxy, know it
    assert session.starts[1]["arguments"]["port"] == port
    wait_for(lambda: listens(port))
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "ended by SIGKILL and is restarted" in out
    report = session.report.read_text(encoding="utf-8")
    assert "(the viewer was ended by SIGKILL)" in report
    assert "(by Galaxy)" in report


@pytest.mark.parametrize(("save", "status"), [({}, 128 + signal.SIGKILL), ({"save": "cell"}, 0)])
def test_viewer_that_is_killed_again_and_again(session, save, status):
    process = session.start(**save)
    session.registered()
    kill_again(session, 4)
    out, _ = process.communicate(timeout=60)
    # an error would make useless in the history what was made
    assert process.returncode == status
    assert len(session.starts) == 4
    assert ("does not fail" in out) == bool(save)
    report = session.report.read_text(encoding="utf-8")
    assert "the viewer failed" in report
    assert ("annotations.tabular (4 bytes)" in report) == bool(save)


def test_viewer_ends_with_the_job_however_that_ends(session):
    process = session.start()
    session.registered()
    viewer = session.viewer
    process.kill()
    process.communicate(timeout=60)

    def gone():
        try:
            os.kill(viewer, 0)
        except ProcessLookupError:
            return True
        return False

    wait_for(gone)


def test_why_it_ended_is_in_the_report(session):
    process = session.start(later=0, say="starcyte: stopped after 3 s without requests")
    process.communicate(timeout=60)
    assert "(stopped after 3 s without requests)" in session.report.read_text(encoding="utf-8")


def test_the_report_is_updated_during_the_session(session):
    process = session.start()
    session.registered()
    assert "Saved       nothing" in session.report.read_text(encoding="utf-8")
    (session.working / "saved" / "annotations.tabular").write_text("cell")
    wait_for(lambda: "annotations.tabular (4 bytes)" in session.report.read_text(encoding="utf-8"))
    process.kill()
    process.communicate(timeout=60)


def test_all_that_a_session_is_given(tmp_path):
    session = Session(tmp_path, free_port())
    for name in ("index.dat", "session.dat"):
        (tmp_path / name).touch()
    session.change(
        index=str(tmp_path / "index.dat"),
        session=str(tmp_path / "session.dat"),
        color_by='--n genes (log)"',
        embedding="X_umap",
        idle_minutes=0.5,
        read_only=True,
    )
    process = session.start()
    session.registered()
    process.terminate()
    process.communicate(timeout=60)
    (given,) = [s["arguments"] for s in session.starts]
    assert given["index_file"] == str(tmp_path / "index.dat")
    assert given["session_file"] == str(tmp_path / "session.dat")
    assert (given["color_by"], given["first_embedding"]) == ('--n genes (log)"', "X_umap")
    assert (given["idle_timeout"], given["read_only"]) == ("30.0", True)
    assert given["outputs_dir"] == str(session.working / "saved")
    assert given["data_dir"] == str(session.working / "starcyte_data")


def test_several_datasets_are_a_catalog(session):
    session.add("other: 'x' # é😀")
    session.change(color_by="cell type", embedding="X_umap", idle_minutes=0.5)
    process = session.start()
    port = session.registered()["port"]
    kill_again(session, 1)
    wait_for(lambda: len(session.starts) == 2)
    wait_for(lambda: listens(port))
    folder = session.working / "saved" / "other_x_e"
    folder.mkdir()
    (folder / "annotations.tabular").write_text("cell")
    wait_for(lambda: "other_x_e/annotations.tabular (4 bytes)" in session.report.read_text(encoding="utf-8"))
    process.terminate()
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    first, second = [s["arguments"] for s in session.starts]
    assert first | {"port": 0} == second | {"port": 0}
    assert (first["command"], first["title"]) == ("serve", None)
    assert (first["color_by"], first["first_embedding"]) == ("cell type", "X_umap")
    assert (first["idle_timeout"], first["outputs_dir"]) == ("30.0", str(session.working / "saved"))
    listed = read_config(Path(first["dataset"]))
    assert listed.metadata.title == "2 datasets"
    assert [(item.place, item.id, item.metadata.title) for item in listed.entries] == [
        (str(session.config.with_name("dataset_1.dat")), "rm_-rf_b_e", NASTY),
        (str(session.config.with_name("dataset_2.dat")), "other_x_e", "other: 'x' # é😀"),
    ]
    report = session.report.read_text(encoding="utf-8")
    for line in ("Datasets    2", f"Dataset     {NASTY}", "Dataset     other: 'x' # é😀", "Saved       nothing"):
        assert f"{line}\n" in report
    assert "(by Galaxy)" in report
    assert "Restarted" in report


def test_a_session_is_given_no_more_than_was_asked(session):
    process = session.start()
    session.registered()
    process.terminate()
    process.communicate(timeout=60)
    (given,) = [s["arguments"] for s in session.starts]
    none = ("index_file", "session_file", "color_by", "first_embedding", "base_path", "idle_timeout")
    assert {given[name] for name in none} == {None}
    assert given["read_only"] is False


def test_complaints_name_the_dataset_as_its_user_does(session):
    process = session.start(status=2, complain="starcyte: '{}' is no HDF5 file.")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err == f'starcyte: "{NASTY}" is no HDF5 file.\n'


def test_only_the_report(session):
    session.change(only_report=True)
    described = {"n_obs": 1200, "n_vars": 30, "obs": [{"name": "cell type"}], "embeddings": [], "matrices": []}
    process = session.start(say=json.dumps(described | {"warnings": ["X has <b>."]}))
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    text = session.report.read_text(encoding="utf-8")
    for line in (
        f"Dataset     {NASTY}",
        "Cells       1,200",
        "Metadata    cell type",
        "Embedded    none",
        "Warning     X has <b>.",
    ):
        assert f"{line}\n" in text
    assert (session.working / "saved").is_dir()
    assert not (session.job / "container_runtime.json").exists()


def test_only_the_report_of_several(session):
    session.add("other")
    session.change(only_report=True)
    described = {"n_obs": 1200, "n_vars": 30, "obs": [], "embeddings": [], "matrices": [], "warnings": []}
    process = session.start(say=json.dumps(described))
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert len(session.starts) == 2
    text = session.report.read_text(encoding="utf-8")
    assert "Datasets    2\n" in text
    assert text.count("Cells       1,200\n") == 2
    assert f"Dataset     {NASTY}\n" in text
    assert "Dataset     other\n" in text


def test_only_the_report_of_an_unreadable_dataset(session):
    session.change(only_report=True)
    process = session.start(status=2, complain="starcyte: {} is no HDF5 file.")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err == f'starcyte: "{NASTY}" is no HDF5 file.\n'


def test_missing_dataset_is_one_line(session):
    config = json.loads(session.config.read_text())
    Path(config["datasets"][0]["dataset"]).unlink()
    process = session.start()
    _, err = process.communicate(timeout=60)
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
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        (start,) = session.starts
        assert os.access(start["environ"]["HOME"], os.W_OK)
        assert start["environ"]["HOME"] == str(session.working)
