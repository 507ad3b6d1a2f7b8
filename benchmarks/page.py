"""What the page takes of its main thread, and how fast it moves, measured by Chromium's own tracing.

    python -m benchmarks.page --cells 50000 1000000 5000000

Each dataset is opened in a headless Chromium, and a user's work is done on it by the mouse. The times of tasks are
those of the page's main thread, in milliseconds of processor time, so that other work on the machine counts little;
the GPU's work, which the software GL of a machine without a GPU does in another process, is not in them. Frames are,
and wait for it: --no-draw leaves out what a GPU would draw, so that frames and tasks show the page alone. A build
with names (`npx vite build --minify false`) lets --functions say what the long tasks do; the start of the profiler is
then a task of some 150 ms in the first action.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from benchmarks.flat import write_flat
from benchmarks.process import Memory, Watch

FOLDER = Path.home() / ".cache" / "starcyte-bench" / "data"
LONG = 50.0
_PATIENCE = 300_000
_CHROMIUM = ("--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
_TRACED = "disabled-by-default-devtools.timeline"
_PROFILED = "disabled-by-default-v8.cpu_profiler"
_DRAW_NOTHING = """
for (const name of ['drawArrays', 'drawElements']) WebGL2RenderingContext.prototype[name] = () => {};
"""
_COUNT_FRAMES = """
window.framesSeen = [];
const next = (now) => {
  framesSeen.push(performance.timeOrigin + now);
  requestAnimationFrame(next);
};
requestAnimationFrame(next);
"""


@dataclass(frozen=True)
class Task:
    """One task of the main thread: milliseconds of wall and processor time, and samples of what ran in it."""

    wall: float
    processor: float
    functions: Counter[str]


def tasks_of(events: list[dict[str, Any]]) -> list[Task]:
    """Return the tasks of the page's main thread in a trace, the longest first."""
    mains = {
        (e["pid"], e["tid"])
        for e in events
        if e.get("name") == "thread_name" and e["args"].get("name") == "CrRendererMain"
    }
    samples = sorted(_samples(events, mains))
    tasks = []
    for event in events:
        if event.get("name") != "RunTask" or event.get("ph") != "X" or (event["pid"], event["tid"]) not in mains:
            continue
        begin, end = event["ts"], event["ts"] + event["dur"]
        wall, processor = event["dur"] / 1000, event.get("tdur", 0) / 1000
        within = (name for when, name in samples if begin <= when < end) if wall > LONG / 2 else ()
        tasks.append(Task(wall, processor, Counter(within)))
    return sorted(tasks, key=lambda task: -task.processor)


def _samples(events: list[dict[str, Any]], mains: set[tuple[int, int]]) -> Iterator[tuple[int, str]]:
    """Yield when the profiler looked at a main thread, and the function it met."""
    clocks: dict[tuple[int, str], int] = {}
    names: dict[tuple[int, str], dict[int, str]] = {}
    for event in events:
        if event.get("name") == "Profile" and (event["pid"], event["tid"]) in mains:
            clocks[event["pid"], event["id"]] = event["args"]["data"]["startTime"]
    for event in sorted((e for e in events if e.get("name") == "ProfileChunk"), key=lambda e: e["ts"]):
        profile = event["pid"], event["id"]
        if profile not in clocks:
            continue
        data = event["args"]["data"]
        known = names.setdefault(profile, {})
        for node in data.get("cpuProfile", {}).get("nodes", ()):
            frame = node["callFrame"]
            known[node["id"]] = f"{frame['functionName'] or '(anonymous)'}:{frame.get('lineNumber', '')}"
        for node, delta in zip(data.get("cpuProfile", {}).get("samples", ()), data.get("timeDeltas", ()), strict=False):
            clocks[profile] += delta
            yield clocks[profile], known.get(node, "?")


class Visit:
    """A page with a dataset open, and what a user does to it."""

    def __init__(self, browser: Browser, url: str, draws: bool, profiled: bool) -> None:
        self.browser = browser
        self.categories = [_TRACED, _PROFILED] if profiled else [_TRACED]
        self.page: Page = browser.new_page(viewport={"width": 1400, "height": 900})
        self.page.set_default_timeout(_PATIENCE)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.add_init_script(_COUNT_FRAMES)
        if not draws:
            self.page.add_init_script(_DRAW_NOTHING)
        begin = time.monotonic()
        self.page.goto(url)
        self.page.locator("[data-drawn=true]").wait_for()
        self.seconds = time.monotonic() - begin
        self.page.get_by_role("application", name="coloured by").wait_for()
        self.page.wait_for_timeout(3000)

    def traced(self, action: str) -> tuple[list[float], list[Task]]:
        """Do something; return milliseconds from frame to frame, and the tasks, those of the rest after it too.

        What playwright runs in the page by itself is kept out of the trace: it would be measured as well.
        """
        act = getattr(self, action)()
        self.page.wait_for_timeout(500)
        self.browser.start_tracing(page=self.page, categories=self.categories)
        begin = 1000 * time.time()
        act()
        end = 1000 * time.time()
        self.page.wait_for_timeout(1500)
        trace = json.loads(self.browser.stop_tracing())["traceEvents"]
        seen = [when for when in self.page.evaluate("framesSeen") if begin <= when <= end]
        return [after - before for before, after in pairwise(seen)], tasks_of(trace)

    def _box(self, locator: Locator) -> tuple[float, float, float, float]:
        locator.first.scroll_into_view_if_needed()
        box = locator.first.bounding_box()
        assert box
        return box["x"], box["y"], box["width"], box["height"]

    def _drag(self, points: list[tuple[float, float]]) -> None:
        mouse = self.page.mouse
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point)
            self.page.wait_for_timeout(30)
        mouse.up()

    def _clicks(self, *locators: Locator) -> Callable[[], None]:
        boxes = [self._box(locator) for locator in locators]

        def act() -> None:
            for x, y, width, height in boxes:
                self.page.mouse.click(x + width / 2, y + height / 2)
                self.page.wait_for_timeout(1200)

        return act

    def pan(self) -> Callable[[], None]:
        """Drag the plot."""
        x, y, width, height = self._box(self.page.get_by_role("application"))
        return lambda: self._drag([(x + width / 3 + 6 * k, y + height / 2 + 3 * k) for k in range(40)])

    def brush(self) -> Callable[[], None]:
        """Draw a brush on a histogram, wide and wider."""
        x, y, width, height = self._box(self.page.locator(".brush"))
        return lambda: self._drag([(x + (0.3 + 0.012 * k) * width, y + height / 2) for k in range(40)])

    def lasso(self) -> Callable[[], None]:
        """Lasso a part of the cells."""
        self.page.keyboard.press("l")
        x, y, width, height = self._box(self.page.get_by_role("application"))
        corners = [(0.3, 0.3), (0.6, 0.25), (0.65, 0.6), (0.5, 0.7), (0.3, 0.6), (0.3, 0.3)]
        points = [
            (x + width * (a + (c - a) * k / 6), y + height * (b + (d - b) * k / 6))
            for (a, b), (c, d) in pairwise(corners)
            for k in range(6)
        ]
        return lambda: self._drag(points)

    def recolor(self) -> Callable[[], None]:
        """Colour by a measurement, and by the types again."""
        names = (f"Colour by {name}" for name in ("quality", "cell_type"))
        return self._clicks(*(self.page.get_by_role("button", name=name, exact=True) for name in names))

    def category(self) -> Callable[[], None]:
        """Hide a category and show it again."""
        box = self.page.get_by_role("checkbox", name="type 3")
        return self._clicks(box, box)

    def paga(self) -> Callable[[], None]:
        """Show the graph of PAGA above the cells, and hide it again."""
        self.page.keyboard.press("Escape")
        self.page.get_by_role("button", name="Overlays: PAGA, velocities").click()
        box = self.page.get_by_role("checkbox", name="PAGA graph of cell_type")
        return self._clicks(box, box)

    def _keys(self, *keys: str) -> Callable[[], None]:
        def act() -> None:
            for key in keys:
                self.page.keyboard.press(key)
                self.page.wait_for_timeout(600)
            self.page.wait_for_timeout(2000)

        return act

    def editor(self) -> Callable[[], None]:
        """Open the editor of figures, and close it again."""
        self.page.keyboard.press("Escape")
        self.page.get_by_role("application").focus()
        return self._keys("'", "Escape")

    def panels(self) -> Callable[[], None]:
        """Add the plot of cells to a figure, twice."""
        self.page.keyboard.press("'")
        self.page.wait_for_timeout(1000)
        return self._keys(*(2 * ("Enter", "Enter")))

    def width(self) -> Callable[[], None]:
        """Make the figure narrower, and wide again."""
        self.page.get_by_role("combobox", name="Width").focus()
        return self._keys("ArrowUp", "ArrowDown")

    def export(self) -> Callable[[], None]:
        """Save the figure as PNG, SVG and PDF."""
        names = (f"Save the figure of panels as {kind}" for kind in ("PNG", "SVG", "PDF"))
        return self._clicks(*(self.page.get_by_role("button", name=name, exact=True) for name in names))

    def gallery(self) -> Callable[[], None]:
        """Show a picture of each type in the colours of a measurement, then with its own cells."""
        self.page.keyboard.press("Escape")
        self.page.get_by_role("button", name="Colour by quality", exact=True).click()
        self.page.keyboard.press("q")
        coloured = self.page.get_by_role("checkbox", name="By quality")
        coloured.wait_for()
        click = self._clicks(coloured)
        self.page.keyboard.press("q")
        self.page.wait_for_timeout(1000)

        def act() -> None:
            self.page.keyboard.press("q")
            self.page.wait_for_timeout(5000)
            click()
            self.page.wait_for_timeout(5000)

        return act


#: Each leaves the page as the next one needs it.
ACTIONS = ("pan", "brush", "lasso", "recolor", "category", "paga", "editor", "panels", "width", "export", "gallery")


@contextmanager
def serving(path: Path) -> Iterator[tuple[str, int]]:
    """Serve a file; yield the address and the process."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready.json")
        command = [
            sys.executable,
            "-m",
            "starcyte",
            "launch",
            str(path),
            "--access=none",
            "--port=0",
            "--ready-file",
            str(ready),
        ]
        command += ["--data-dir", str(Path(folder, "data"))]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not ready.exists() and process.poll() is None:
                time.sleep(0.05)
            yield json.loads(ready.read_text())["url"], process.pid
        finally:
            process.terminate()
            process.wait(60)


def flat(cells: int, folder: Path = FOLDER) -> Path:
    """Return the dataset of so many cells, written if it is not there."""
    path = folder / f"flat-paga-{cells}.h5ad"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        write_flat(part, cells)
        part.rename(path)
    return path


def measure(cells: int, actions: list[str], draws: bool, functions: bool, shot: Path | None) -> None:
    """Open a dataset of so many cells, and print a row of the table for each action."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with serving(flat(cells)) as (url, pid), Watch() as watch, sync_playwright() as playwright:
        server: Memory = watch.add(pid)
        browser = playwright.chromium.launch(executable_path=found, args=_CHROMIUM)
        visit = Visit(browser, url, draws, functions)
        print(f"| {cells:,} | open | {visit.seconds:.1f} s |  |  |  |", flush=True)
        for action in actions:
            frames, tasks = visit.traced(action)
            worst = sorted(frames)[int(0.95 * (len(frames) - 1))]
            longest = ", ".join(f"{task.processor:.0f}" for task in tasks[:3])
            above = sum(task.processor > LONG for task in tasks)
            print(
                f"| {cells:,} | {action} | {statistics.median(frames):.0f} | {worst:.0f} | {longest} | {above} |",
                flush=True,
            )
            for task in [t for t in tasks if t.processor > LONG / 2][:4] if functions else ():
                total = sum(task.functions.values()) or 1
                parts = ", ".join(f"{name} {count / total:.0%}" for name, count in task.functions.most_common(7))
                print(f"    {task.processor:.0f} ms ({task.wall:.0f} wall): {parts}", flush=True)
        print(f"| {cells:,} | server, highest | {server.resident_peak / 1e6:.0f} MB |  |  |  |", flush=True)
        for error in visit.errors:
            print(f"error of the page: {error}", file=sys.stderr)
        if shot:
            visit.page.screenshot(path=shot)
        browser.close()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[50_000, 1_000_000, 5_000_000], help="how many cells")
    parser.add_argument("--actions", nargs="+", choices=ACTIONS, default=list(ACTIONS), help="what is done")
    parser.add_argument("--no-draw", action="store_true", help="leave out what a GPU would do")
    parser.add_argument("--functions", action="store_true", help="what the longest tasks do; for a build with names")
    parser.add_argument("--shot", type=Path, help="write a picture of the page at the end there")
    args = parser.parse_args()
    print("| cells | | frames: median, ms | 95 of 100, ms | longest tasks, ms | over 50 ms |")
    print("| ---: | --- | ---: | ---: | --- | ---: |")
    for cells in args.cells:
        measure(cells, args.actions, not args.no_draw, args.functions, args.shot)


if __name__ == "__main__":
    main()
