"""Take README's picture: ``python docs/picture.py URL``, the address of a running ``starcyte launch --demo``."""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
# as the browser tests start it
CHROMIUM = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking"]
# around the erythroblasts; shares of the plot's width and height
LASSO = [
    *[(0.233, 0.395), (0.32, 0.36), (0.414, 0.395), (0.42, 0.56), (0.378, 0.6), (0.327, 0.56)],
    *[(0.298, 0.52), (0.276, 0.63), (0.284, 0.747), (0.146, 0.747), (0.124, 0.468), (0.168, 0.435), (0.233, 0.395)],
]


def take(url: str) -> bytes:
    """Return the page as a PNG: the demo's cell types, one lineage selected and compared with the rest."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.goto(url)
        page.locator("[data-drawn=true]").wait_for()
        page.get_by_role("tab", name="Compare").click()
        plot = page.get_by_role("application", name="Plot of")
        plot.focus()
        page.keyboard.press("l")
        box = plot.bounding_box()
        assert box is not None
        corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in LASSO]
        page.mouse.move(*corners[0])
        page.mouse.down()
        for corner in corners[1:]:
            page.mouse.move(*corner, steps=8)
        page.mouse.up()
        page.get_by_role("button", name="Set A", exact=True).click()
        page.get_by_role("button", name="Compare expression").click()
        page.get_by_text("Welch").wait_for()
        page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
        page.wait_for_timeout(1500)
        png = page.screenshot()
        browser.close()
        return png


if __name__ == "__main__":
    picture = Image.open(io.BytesIO(take(sys.argv[1]))).convert("RGB")
    # few colours are in it: a palette halves the file and is not seen
    picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(HERE / "viewer.png", optimize=True)
