"""Take the pictures of README and the documentation, of the demo dataset and of two sections: ``make screenshots``."""

import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.walk import DATASETS

IMAGES = Path(__file__).parent / "images"
# as the browser tests start it
CHROMIUM = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking"]
GENES = "CD34 GATA1 HBB GYPA LYZ CD14 CD79A MS4A1 CD3D CD8A NKG7 GNLY"
GMT = (
    "MONOCYTE\t\tLYZ\tS100A8\tS100A9\tCST3\tFCN1\tCD14\tTYROBP\tAIF1\tLST1\tVCAN\n"
    "T CELL\t\tCD3D\tCD3E\tCD2\tCD7\tIL7R\tLTB\tCD8A\tCD8B\tTRAC\tLCK\n"
    "B CELL\t\tCD19\tCD79A\tCD79B\tMS4A1\tPAX5\tBANK1\tCD22\tBLK\tCD74\tTCL1A\n"
)
PATIENCE = 120.0


def show_gene(page: Page, gene: str) -> None:
    """Colour by a gene."""
    page.get_by_role("tab", name="Genes").click()
    box = page.get_by_role("combobox", name="Search a gene")
    box.fill(gene)
    page.get_by_role("option").first.filter(has_text=gene).wait_for()
    box.press("Enter")
    page.get_by_role("application", name=f"coloured by {gene}").wait_for()
    page.keyboard.press("Escape")


def cells(page: Page) -> None:
    """Show the cells by type, with names."""
    page.get_by_text("20,000 cells").first.wait_for()


def gene(page: Page) -> None:
    """Show a gene while the names of the types stay."""
    page.get_by_role("button", name="Display settings").click()
    page.get_by_role("combobox", name="Names on the plot").click()
    page.get_by_role("option", name="cell_type", exact=True).click()
    page.keyboard.press("Escape")
    show_gene(page, "S100A8")


def annotate(page: Page) -> None:
    """Show an annotation of the user with labels of two levels."""
    page.get_by_role("button", name="New annotation").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("lineages")
    dialog.get_by_role("combobox", name="Start from").click()
    page.get_by_role("option", name="cell_type").first.click()
    dialog.get_by_role("button", name="Create").click()
    mine = page.get_by_role("article", name="lineages")
    mine.wait_for()
    for name, label in (
        ("CD4+ T cell", "T cell / CD4"),
        ("CD8+ T cell", "T cell / CD8"),
        ("CD14+ monocyte", "Monocyte / CD14"),
        ("CD16+ monocyte", "Monocyte / CD16"),
    ):
        mine.get_by_role("group", name=name, exact=True).hover()
        mine.get_by_role("button", name=f"Edit {name}", exact=True).click()
        dialog.get_by_role("combobox").first.fill(label)
        dialog.get_by_role("button", name="Save").click()
        dialog.wait_for(state="detached")
    mine.get_by_role("radio", name="Level 1").click()


def over_samples(page: Page) -> None:
    """Show lupus compared with control over samples, with a dot for each sample."""
    page.get_by_role("button", name="Unfold condition").click()
    page.get_by_role("group", name="lupus", exact=True).get_by_role("button", name="lupus", exact=True).click()
    page.get_by_text("10,000 of 20,000").first.wait_for()
    page.keyboard.press("a")
    page.get_by_role("radio", name="Samples").click()
    page.get_by_role("button", name="Compare expression").click()
    page.get_by_role("region", name="Result").get_by_role("cell").first.wait_for()
    page.keyboard.press("x")


def volcano(page: Page) -> None:
    """Show all columns of a comparison, with the volcano plot."""
    compare_category(page, "Late erythroblast")
    page.get_by_role("button", name="Show all columns").click()
    page.get_by_role("dialog").get_by_role("cell").first.wait_for()


def enrichment(page: Page) -> None:
    """Show the running sum of a gene set over the genes of a comparison."""
    compare_category(page, "CD14+ monocyte")
    page.get_by_role("button", name="Enrichment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("GMT file").set_input_files(
        {"name": "cells.gmt", "mimeType": "text/plain", "buffer": GMT.encode()}
    )
    dialog.get_by_role("spinbutton", name="Smallest set").fill("5")
    dialog.get_by_role("radio", name="All genes, ranked").click()
    dialog.get_by_role("button", name="Test the sets").click()
    dialog.get_by_role("button", name="MONOCYTE").click()
    dialog.get_by_role("img", name="Running sum of MONOCYTE").wait_for()


def markers(page: Page) -> None:
    """Show the markers of the types and their dot plot."""
    page.get_by_role("tab", name="Markers").click()
    page.get_by_role("button", name="Find markers", exact=True).click()
    page.get_by_role("button", name="Dot plot", exact=True).click()
    page.get_by_role("group", name="Dot plot").wait_for()


def figure(page: Page) -> None:
    """Show a figure of four panels being made."""
    paste(page, GENES)
    page.get_by_role("button", name="Plot", exact=True).click()
    page.get_by_role("group", name="Dot plot").wait_for()
    page.get_by_role("button", name="Export and import").click()
    page.get_by_role("menuitem", name="Figure of several panels").click()
    rows = page.get_by_role("list", name="Panels").locator(":scope > li")
    for n, panel in enumerate(("Plot of cells", "Composition", "Dot plot", "Violins"), 1):
        page.get_by_role("button", name="Add panel").click()
        page.get_by_role("menuitem", name=panel).first.click()
        rows.nth(n - 1).wait_for()
    page.wait_for_timeout(1500)


def split(page: Page) -> None:
    """Show a gene in each condition, on one scale."""
    show_gene(page, "ISG15")
    page.get_by_role("button", name="Plots side by side").click()
    page.get_by_role("button", name="Gallery").click()
    page.get_by_role("combobox", name="Categories of").click()
    page.get_by_role("option", name="condition").click()
    box = page.get_by_role("checkbox", name="By ISG15")
    box.check()
    page.wait_for_timeout(1500)


def sections(page: Page) -> None:
    """Show two tissue sections side by side."""
    page.get_by_role("button", name="Colour by region").click()
    page.get_by_role("button", name="Plots side by side").click()
    page.get_by_role("button", name="Gallery").click()
    page.get_by_role("radio", name="Sections").click()
    page.get_by_role("button", name="Show section").first.wait_for()
    page.wait_for_timeout(1500)


def composition(page: Page) -> None:
    """Show the shares of the types in the samples of two conditions, with their test."""
    page.get_by_role("button", name="Plots: dot plot").click()
    drawer = page.get_by_role("region", name="Plots")
    drawer.get_by_role("radio", name="Composition").click()
    drawer.get_by_role("combobox", name="Categories").first.click()
    page.get_by_role("option", name="condition").first.click()
    drawer.get_by_role("combobox", name="Parts").click()
    page.get_by_role("option", name="cell_type").first.click()
    drawer.get_by_role("radio", name="Samples").click()
    drawer.get_by_role("button", name="Show in full size").click()
    page.wait_for_timeout(6000)


def compare_category(page: Page, name: str = "Late erythroblast") -> None:
    """Show one category compared with the rest."""
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="or a category as set A").click()
    page.get_by_role("region", name="Set A from a category").get_by_role("button", name=name).click()
    page.get_by_role("button", name="Compare expression").click()
    page.get_by_role("region", name="Result").get_by_role("cell").first.wait_for()


def paste(page: Page, text: str) -> None:
    """Create a gene set of a list."""
    page.get_by_role("combobox", name="Search a gene").focus()
    page.evaluate(
        """(text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData('text', text);
          const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
          document.activeElement.dispatchEvent(event);
        }""",
        text,
    )
    page.get_by_role("article", name="Gene set").wait_for()
    page.keyboard.press("Escape")


PICTURES: dict[str, tuple[Callable[[Page], None], str, tuple[int, int]]] = {
    "cells": (cells, "light", (1140, 720)),
    "gene": (gene, "light", (1140, 720)),
    "annotate": (annotate, "light", (1140, 720)),
    "samples": (over_samples, "light", (1100, 780)),
    "volcano": (volcano, "light", (1280, 800)),
    "enrichment": (enrichment, "light", (1280, 800)),
    "markers": (markers, "light", (1280, 800)),
    "figure": (figure, "light", (1280, 800)),
    "split": (split, "light", (1280, 480)),
    "sections": (sections, "light", (1280, 480)),
    "composition": (composition, "light", (1280, 800)),
    "narrow": (compare_category, "dark", (680, 828)),
}


def take(browser: Browser, url: str, name: str) -> None:
    """Take one picture."""
    show, theme, (width, height) = PICTURES[name]
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light"
    )
    # who looks at the picture needs no first steps
    page.add_init_script("""localStorage.setItem('starcyte.preferences', '{"hint": false}')""")
    page.goto(url)
    page.locator("[data-drawn=true]").first.wait_for(timeout=1000 * PATIENCE)
    show(page)
    page.wait_for_timeout(1500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # in steps of 5 of 255, which nobody sees, it is a third smaller; a palette would give small marks others' colours
    picture.point([5 * round(value / 5) for value in range(256)] * 3).save(IMAGES / f"{name}.png", optimize=True)
    page.close()


@contextmanager
def served(name: str) -> Iterator[str]:
    """Serve the dataset of a picture, of which nothing was made yet, and give its address."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        dataset = str(DATASETS["sections"](Path(folder))) if name == "sections" else "--demo"
        command = [sys.executable, "-m", "starcyte", "launch", dataset, "--access=none", "--port=0"]
        command += ["--ready-file", str(ready), "--data-dir", str(Path(folder) / "data")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            end = time.monotonic() + PATIENCE
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit("The server did not start: see above what it says.")
                time.sleep(0.2)
            yield json.loads(ready.read_text())["url"]
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    """Take all pictures, or those that are named."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        for name in sys.argv[1:] or PICTURES:
            with served(name) as url:
                take(browser, url, name)
        browser.close()


if __name__ == "__main__":
    main()
