"""A real nginx, on a site's configuration."""

import contextlib
import subprocess
import time

import pytest
import requests


def wait_for(holds, process, what):
    end = time.monotonic() + 120
    while not holds():
        assert process.poll() is None, f"{what} ended"
        assert time.monotonic() < end, f"{what} does not answer"
        time.sleep(0.05)


def answers(url):
    try:
        requests.get(url, timeout=5)
    except requests.ConnectionError:
        return False
    return True


@contextlib.contextmanager
def running(folder, site, port):
    """Run nginx in a folder, on what stands in its `http`, until it listens on a port of the loopback address."""
    bodies = "".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; user root; error_log {folder / 'nginx.log'}; pid {folder / 'pid'};"
        f"events {{}} http {{ access_log off; {bodies} {site} }}"
    )
    folder.chmod(0o755)
    checked = subprocess.run(["nginx", "-t", "-c", config], capture_output=True, text=True, check=False)
    if checked.returncode:
        pytest.fail(checked.stderr, pytrace=False)
    process = subprocess.Popen(["nginx", "-c", config], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/"), process, "nginx")
        yield process
    finally:
        process.terminate()
        process.wait(30)
