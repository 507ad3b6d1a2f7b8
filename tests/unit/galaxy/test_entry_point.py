"""Which jobs register their entry point, and how."""

import json
import os
import socket

import pytest
from starcyte_galaxy.entry_point import EntryPoint, address_facing, entry_point

URL = "http://127.0.0.1:8080"


@pytest.fixture
def working(tmp_path):
    folder = tmp_path / "000" / "7" / "working"
    folder.mkdir(parents=True)
    return folder


def monitor(job_folder, kind):
    (job_folder / "configs").mkdir()
    (job_folder / "configs" / "container_config.json").write_text(json.dumps({"container_type": kind}))


def test_without_a_container_the_job_registers(working):
    entry = entry_point(working, 8000, URL, {})
    assert entry == EntryPoint(working.parent, 8000, "127.0.0.1")
    assert entry.register(40001)
    assert json.loads((working.parent / "container_runtime.json").read_text()) == {
        "8000": {"tool_port": 8000, "host": "127.0.0.1", "port": 40001, "protocol": "tcp"}
    }
    assert sorted(p.name for p in working.parent.iterdir()) == ["container_runtime.json", "working"]


def test_docker_has_a_monitor(working):
    monitor(working.parent, "docker")
    assert entry_point(working, 8000, URL, {}) is None


def test_no_monitor_knows_singularity(working):
    monitor(working.parent, "singularity")
    assert entry_point(working, 8000, URL, {}) is not None


def test_unreadable_monitor_config_is_no_monitor(working):
    monitor(working.parent, "docker")
    (working.parent / "configs" / "container_config.json").write_text("{")
    assert entry_point(working, 8000, URL, {}) is not None


def test_kubernetes_knows_by_itself(working):
    assert entry_point(working, 8000, URL, {"INTERACTIVETOOL_PORT": "8000"}) is None


def test_a_registered_entry_point_stays(working):
    (working.parent / "container_runtime.json").write_text("{}")
    assert entry_point(working, 8000, URL, {}) is None


def test_outside_of_a_job_nothing_is_registered(tmp_path):
    assert entry_point(tmp_path, 8000, URL, {}) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_job_folder(working):
    working.parent.chmod(0o555)
    assert entry_point(working, 8000, URL, {}) is None
    working.parent.chmod(0o755)


def test_refused_write_is_borne(working):
    # a folder in the file's place refuses root as well
    (working.parent / "container_runtime.json.part").mkdir()
    assert not EntryPoint(working.parent, 8000, "127.0.0.1").register(8000)


def test_administrator_knows_better(working):
    entry = entry_point(working, 8000, URL, {"STARCYTE_GALAXY_HOST": "node7.example.org"})
    assert entry is not None
    assert (entry.host, entry.bind) == ("node7.example.org", "0.0.0.0")


def test_the_port_is_open_to_the_proxy_only():
    assert EntryPoint(None, 8000, "127.0.0.1").bind == "127.0.0.1"
    assert EntryPoint(None, 8000, "10.0.0.7").bind == "0.0.0.0"


@pytest.mark.parametrize("url", ["", "nonsense", "http://localhost:8080", "http://[", "http://127.0.0.1:port"])
def test_the_loopback_is_the_default(url):
    assert address_facing(url) == "127.0.0.1"


def test_taken_port():
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert EntryPoint(None, taken, "127.0.0.1").free_port() == 0
        assert EntryPoint(None, taken, "10.0.0.7").free_port() == 0
    assert EntryPoint(None, taken, "127.0.0.1").free_port() == taken
