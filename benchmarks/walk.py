"""The tasks of a user, done on the page by mouse and keyboard: clicks, keys and seconds of each, and a picture.

``python -m benchmarks.walk --folder FOLDER`` does them in the demo dataset and in one of two tissue sections, and
prints a table in Markdown. A task ends when what was asked for is on the page or in a file, which is checked. Seconds
are those of the page and the server: the user's own are left out. A drag is a click.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from playwright.sync_api import expect, sync_playwright
from starcyte.demo.file import demo_file
from starcyte.settings import Settings

from benchmarks.tasks import TASKS, open_page
from benchmarks.user import PATIENCE, User

SIZES = {"wide": (1400, 900), "narrow": (680, 828)}
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def study(folder: Path) -> Path:
    """Return a copy of the demo dataset that knows other names of genes."""
    path = folder / "demo.h5ad"
    if not path.exists():
        data = anndata.read_h5ad(demo_file(Settings()))
        umap, depth = np.asarray(data.obsm["X_umap"]), np.asarray(data.obsm["X_pca"])[:, 2:3]
        data.obsm["X_umap_3d"] = np.hstack([umap, depth * umap.std() / depth.std()]).astype(np.float32)
        data.write_h5ad(path)
    return path


def _sections(folder: Path) -> Path:
    """Write two tissue sections with an image each, as scanpy keeps those of Visium."""
    path = folder / "sections.h5ad"
    if path.exists():
        return path
    rng = np.random.default_rng(1)
    side, spacing = 40, 60.0
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) * spacing + 100
    inside = np.hypot(*(grid - grid.mean(axis=0)).T) < side * spacing * 0.45
    spots = grid[inside]
    n, genes = len(spots), [f"GENE{k}" for k in range(50)]
    region = (np.hypot(*(spots - spots.mean(axis=0)).T) > side * spacing * 0.28).astype(int)
    counts = rng.poisson(np.where(region[:, None] == (np.arange(50) % 2)[None], 6, 2)).astype(np.float32)
    obs = pd.DataFrame({"library_id": ["control"] * n + ["treated"] * n}, index=[f"spot-{k}" for k in range(2 * n)])
    obs["region"] = pd.Categorical(np.array(["core", "edge"])[np.tile(region, 2)])
    data = anndata.AnnData(np.vstack([counts, counts]), obs, pd.DataFrame(index=genes))
    data.obsm["spatial"] = np.vstack([spots, spots])
    size = int(grid.max() + 100)
    data.uns["spatial"] = {
        name: {
            "images": {"hires": _tissue(rng, size // 4, spots / 4, tint)},
            "scalefactors": {
                "tissue_hires_scalef": 0.25,
                "spot_diameter_fullres": 40.0,
                "fiducial_diameter_fullres": 64.6,
            },
        }
        for name, tint in (("control", (0.85, 0.6, 0.75)), ("treated", (0.7, 0.55, 0.8)))
    }
    data.write_h5ad(path)
    return path


def _tissue(rng: np.random.Generator, size: int, spots: np.ndarray, tint: tuple[float, float, float]) -> np.ndarray:
    image = np.ones((size, size, 3), np.float32)
    y, x = np.mgrid[:size, :size]
    center, reach = spots.mean(axis=0), np.ptp(spots[:, 0]) / 2 + 12
    tissue = np.hypot(x - center[0], y - center[1]) < reach
    image[tissue] = np.array(tint) + rng.normal(0, 0.04, (int(tissue.sum()), 3))
    return np.asarray(image.clip(0, 1) * 255, np.uint8)


DATASETS: dict[str, Callable[[Path], Path]] = {"demo": study, "sections": _sections}


def chromium() -> str | None:
    """Return the program of the browser, if one is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def run(folder: Path, names: list[str], size: str, theme: Any) -> list[tuple[str, int, int, float, str]]:
    """Do the tasks, each in a new page, and return for each clicks, keys, seconds and what went wrong."""
    rows = []
    width, height = SIZES[size]
    chosen = [task for task in TASKS if not names or any(name in task.do.__name__ for name in names)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM)
        for one in chosen:
            with tempfile.TemporaryDirectory() as scratch:
                dataset = DATASETS[one.of](folder)
                (Path(scratch) / dataset.name).symlink_to(dataset)
                url, process = serve(dataset, Path(scratch))
                page = browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=theme, accept_downloads=True
                )
                page.set_default_timeout(PATIENCE)
                user, problem, start = User(page, Path(scratch)), "", time.perf_counter()
                try:
                    page.goto(url)
                    if one.do is not open_page:
                        expect(page.get_by_role("application").first).to_have_attribute(
                            "aria-label", re.compile("Plot of")
                        )
                        page.wait_for_timeout(500)
                        start = time.perf_counter()
                    one.do(user)
                except Exception as error:
                    problem = " ".join(str(error).split())[:400]
                seconds = time.perf_counter() - start
                page.wait_for_timeout(700)
                page.screenshot(path=folder / f"{size}-{one.do.__name__}.png")
                rows.append((one.name, user.clicks, user.keys, seconds, problem))
                print(
                    f"{one.do.__name__:20s} {user.clicks:3d} {user.keys:4d} {seconds:6.1f}  {problem}", file=sys.stderr
                )
                page.close()
                process.terminate()
                process.wait(30)
        browser.close()
    return rows


def serve(path: Path, scratch: Path) -> tuple[str, subprocess.Popen[bytes]]:
    """Serve a dataset, and return its address and the process."""
    ready = scratch / "ready.json"
    synonyms = scratch / "synonyms.tsv"
    synonyms.write_text("CD3D\tLEU4D\n")
    command = [sys.executable, "-m", "starcyte", "launch", str(path), "--access=none", "--port", "0"]
    options = [f"--ready-file={ready}", f"--data-dir={scratch / 'data'}", f"--gene-synonyms={synonyms}"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError("starcyte does not start")
        time.sleep(0.05)
    return json.loads(ready.read_text())["url"], process


def main() -> None:
    """Do the tasks, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.walk", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of the pictures and the datasets")
    parser.add_argument("--size", choices=SIZES, default="wide")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("tasks", nargs="*", help="parts of the names of their functions; by default all")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    rows = run(arguments.folder, arguments.tasks, arguments.size, arguments.theme)
    print("| task | clicks | keys | seconds | |\n| --- | ---: | ---: | ---: | --- |")
    for name, clicks, keys, seconds, problem in rows:
        print(f"| {name} | {clicks} | {keys} | {seconds:.1f} | {problem} |")


if __name__ == "__main__":
    main()
