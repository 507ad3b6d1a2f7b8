"""Tasks of a user in starcyte and in other programs, on the same dataset: clicks, keys and seconds, and pictures.

``python -m benchmarks.beside --folder FOLDER`` prints a table in Markdown. A task ends when what was asked for is
there, which is checked. A drag is a click; seconds are those of the program, whose user takes no time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL, Popen

from playwright.sync_api import Browser, expect, sync_playwright

from benchmarks.peer_tasks import OPEN, TASKS, Do
from benchmarks.peers import install
from benchmarks.server import free_port
from benchmarks.user import PATIENCE, User
from benchmarks.walk import CHROMIUM, SIZES, chromium, serve, study

_START_SECONDS = 120


def _cellxgene(path: Path, scratch: Path) -> tuple[str, Popen[bytes]]:
    """Start cellxgene with files of annotations and gene sets, without which it asks for a name first."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    program = str(install("cellxgene") / "cellxgene")
    files = ["--annotations-file", str(scratch / "cells.csv"), "--gene-sets-file", str(scratch / "genes.csv")]
    command = [program, "--no-upgrade-check", "launch", str(path), "--host", "127.0.0.1", "--port", str(port), *files]
    process = Popen(command, stdout=DEVNULL, stderr=DEVNULL)
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return url, process
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("cellxgene does not start") from None
            time.sleep(0.2)


#: How each program is started, and what on its page says that cells are drawn
PROGRAMS: dict[str, tuple[Callable[[Path, Path], tuple[str, Popen[bytes]]], str]] = {
    "starcyte": (serve, "[role=application][aria-label*='Plot of']"),
    "cellxgene": (_cellxgene, "[data-testid=layout-graph]"),
}


def do(browser: Browser, program: str, name: str, action: Do, folder: Path) -> str:
    """Do a task in a new page of a newly started program, and return clicks, keys and seconds."""
    start_program, drawn = PROGRAMS[program]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "demo.h5ad"
        path.symlink_to(study(folder))
        url, process = start_program(path, Path(scratch))
        width, height = SIZES["wide"]
        page = browser.new_page(viewport={"width": width, "height": height}, accept_downloads=True)
        page.set_default_timeout(PATIENCE)
        user, problem, start = User(page, Path(scratch)), "", time.perf_counter()
        try:
            page.goto(url)
            if name != OPEN:
                expect(page.locator(drawn).first).to_be_visible(timeout=PATIENCE)
                page.wait_for_timeout(2000)
                start = time.perf_counter()
            action(user)
        except Exception as error:
            problem = " ".join(str(error).split())[:600]
        seconds = time.perf_counter() - start
        page.wait_for_timeout(700)
        page.screenshot(path=folder / f"{program}-{list(TASKS).index(name):02d}.png")
        page.close()
        process.terminate()
        process.wait(30)
    print(f"{program:10s} {name:60s} {user.clicks:3d} {user.keys:4d} {seconds:6.1f}  {problem}", file=sys.stderr)
    return problem or f"{user.clicks} + {user.keys}, {seconds:.1f} s"


def main() -> None:
    """Do the tasks, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.beside", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of the pictures and the dataset")
    parser.add_argument("--program", action="append", choices=PROGRAMS, help="by default all")
    parser.add_argument("tasks", nargs="*", help="parts of their names; by default all")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    programs = arguments.program or list(PROGRAMS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM)
        print("| task |", " | ".join(programs), "|\n| --- |" + " --- |" * len(programs))
        for name, by in TASKS.items():
            if arguments.tasks and not any(part in name for part in arguments.tasks):
                continue
            cells = []
            for program in programs:
                action = by[program]
                said = f"not possible: {action}" if isinstance(action, str) else None
                cells.append(said or do(browser, program, name, action, arguments.folder))  # type: ignore[arg-type]
            print("|", " | ".join((name, *cells)), "|", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
