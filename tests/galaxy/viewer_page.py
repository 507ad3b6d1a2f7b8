"""The viewer's page inside of Galaxy's: what a user does there."""

import io

import galaxy_server
from PIL import Image
from playwright.sync_api import expect

#: Corners of a lasso, as shares of the plot's width and height. They begin beside the tools and the legend above it.
UPPER = [(0.3, 0.17), (0.65, 0.17), (0.65, 0.4), (0.3, 0.4)]
LOWER = [(0.05, 0.55), (0.95, 0.55), (0.95, 0.88), (0.05, 0.88)]
PATIENCE = 180000


def coloured(picture):
    """Return the number of pixels that are neither grey nor pale."""
    colours = Image.open(io.BytesIO(picture)).convert("RGB").getcolors(1 << 24)
    return sum(n for n, rgb in colours if max(rgb) - min(rgb) > 60)


class Viewer:
    """The viewer in a frame.

    Parameters
    ----------
    page
        The browser's page.
    frame
        The frame of the viewer in it.
    """

    def __init__(self, page, frame):
        self.page, self.frame = page, frame
        self.plot = frame.get_by_role("application", name="Plot of")

    def drawn(self):
        """Wait for the first picture."""
        self.frame.locator("[data-drawn=true]").wait_for(timeout=PATIENCE)
        galaxy_server.wait_for(
            "cells in colour", lambda: coloured(self.frame.locator("body").screenshot()) > 3000, PATIENCE / 1000
        )
        return self

    def colour_by_gene(self, gene):
        """Find a gene by the keyboard."""
        self.plot.focus()
        self.page.keyboard.press("/")
        box = self.frame.get_by_role("combobox", name="Search a gene")
        expect(box).to_be_focused(timeout=PATIENCE)
        box.fill(gene)
        expect(self.frame.get_by_role("option").first).to_contain_text(gene, timeout=PATIENCE)
        box.press("Enter")
        self.coloured_by(gene)

    def colour_by_column(self, name):
        """Colour by a column of the dataset, by its card's button."""
        self.frame.get_by_role("button", name=f"Colour by {name}", exact=True).click(timeout=PATIENCE)
        self.coloured_by(name)

    def coloured_by(self, what):
        """Wait until the plot says that it has the colours of something."""
        galaxy_server.wait_for(
            f"the colours of {what}",
            lambda: f"coloured by {what}." in (self.plot.get_attribute("aria-label") or ""),
            PATIENCE / 1000,
        )

    def select(self, corners):
        """Draw a lasso and return how many cells are in it."""
        self.plot.focus()
        self.page.keyboard.press("l")
        box = self.plot.bounding_box()
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in [*points[1:], points[0]]:
            self.page.mouse.move(*point, steps=8)
        self.page.mouse.up()
        said = self.frame.get_by_text("cells selected")
        said.wait_for(timeout=PATIENCE)
        return int(said.inner_text().split()[0].replace(",", ""))

    def label(self, category, label=None):
        """Name the selected cells, in a new label where it is named, and wait until that is saved."""
        self.page.keyboard.press("n")
        box = self.frame.get_by_role("combobox", name="Label", exact=True)
        expect(box).to_be_focused(timeout=PATIENCE)
        if label:
            self.frame.get_by_role("textbox", name="Name of the new annotation").fill(label)
        box.fill(category)
        box.press("Enter")
        self.frame.get_by_role("status").filter(has_text="Saved").wait_for(timeout=PATIENCE)

    def finish(self):
        """Save and finish, as the page offers it."""
        self.frame.get_by_role("button", name="Save and finish").click()
        self.frame.get_by_role("dialog").get_by_role("button", name="Save and finish").click()
