"""The user of a page, whose clicks and keys are counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

#: Milliseconds after which something does not appear any more
PATIENCE = 30_000


class User:
    """The user of a page, whose clicks and keys are counted.

    Parameters
    ----------
    page
        The page.
    folder
        For the files that the user downloads and uploads.
    """

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.clicks = self.keys = 0

    def click(self, what: Locator | str, role: Any = "button", **others: Any) -> None:
        """Click an element, or the one with a role and a name."""
        self.clicks += 1
        (self.find(what, role) if isinstance(what, str) else what).first.click(**others)

    def find(self, name: str, role: Any = "button", exact: bool = True) -> Locator:
        """Return the element with a role and a name."""
        return self.page.get_by_role(role, name=name, exact=exact)

    def press(self, *keys: str) -> None:
        """Press keys, or combinations of keys."""
        for key in keys:
            self.keys += 1
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        """Write a text where the cursor is."""
        self.keys += len(text)
        self.page.keyboard.type(text)

    def paste(self, text: str) -> None:
        """Paste a text where the cursor is."""
        self.keys += 1
        self.page.keyboard.insert_text(text)

    def fill(self, field: Locator, text: str) -> None:
        """Click a field and replace its text."""
        self.click(field)
        self.press("Control+a")
        self.write(text)

    def choose(self, label: str | re.Pattern[str], option: str | re.Pattern[str]) -> None:
        """Choose an option of a list."""
        self.click(self.page.get_by_role("combobox", name=label))
        self.click(self.page.get_by_role("option", name=option))

    def drag(self, points: list[tuple[float, float]], over: Locator | None = None) -> None:
        """Drag over an element, by default the plot, along points given as shares of its width and height."""
        self.clicks += 1
        box = (over or self.page.get_by_role("application").first).bounding_box()
        assert box is not None
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*at[0])
        self.page.mouse.down()
        for x, y in at[1:]:
            self.page.mouse.move(x, y, steps=6)
        self.page.mouse.up()

    def download(self, action: Callable[[], None]) -> Path:
        """Return the file that an action downloads."""
        with self.page.expect_download(timeout=PATIENCE) as found:
            action()
        path = self.folder / found.value.suggested_filename
        found.value.save_as(path)
        return path

    def sees(self, text: str | re.Pattern[str]) -> None:
        """Wait until a text is on the page."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE)

    def selected(self, n: int | None = None) -> int:
        """Wait until cells are selected, and return their number."""
        status = self.page.get_by_role("paragraph").filter(has_text=re.compile("cells? selected"))
        expect(status).to_be_visible(timeout=PATIENCE)
        found = int(status.inner_text().split()[0].replace(",", ""))
        if n is not None and found != n:
            expect(status).to_contain_text(f"{n:,} of", timeout=PATIENCE)
            return n
        return found

    def tab(self, name: str) -> None:
        """Open a panel, if it is not open; the cells have a panel of their own where there is room."""
        tab = self.find(name, "tab", exact=False).first
        if name == "Cells" and not tab.is_visible():
            return
        if tab.get_attribute("aria-selected") != "true":
            self.click(tab)
