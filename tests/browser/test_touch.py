"""The plot under fingers, as Chromium hears them from a touch screen."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest
from browser_page import eventually
from playwright.sync_api import expect


class Fingers:
    """Fingers on a touch screen."""

    def __init__(self, page) -> None:
        self.session = page.context.new_cdp_session(page)
        self.at: dict[int, tuple[float, float]] = {}

    def put(self, finger: int, x: float, y: float) -> None:
        """Put a finger down."""
        self._tell("touchStart", {finger: (x, y)})

    def move(self, to: dict[int, tuple[float, float]], steps: int = 8) -> None:
        """Move fingers along straight lines at the same time."""
        begin = np.array([self.at[finger] for finger in to])
        for step in range(1, steps + 1):
            now = begin + (np.array([*to.values()]) - begin) * step / steps
            self._tell("touchMove", {finger: (float(x), float(y)) for finger, (x, y) in zip(to, now, strict=True)})

    def lift(self, finger: int) -> None:
        """Take a finger away."""
        self._tell("touchEnd", {finger: self.at[finger]})
        del self.at[finger]

    def _tell(self, kind: str, changed: dict[int, tuple[float, float]]) -> None:
        self.at |= changed
        points = [{"id": finger, "x": x, "y": y} for finger, (x, y) in changed.items()]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def camera(viewer):
    """Return where the page's address says that the plot looks: x, y, zoom."""
    _page, kept, packed = viewer.address.rpartition("#v=")
    if not kept:
        return None
    squeezed = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    seen = json.loads(zlib.decompress(squeezed, -zlib.MAX_WBITS)).get("camera")
    return seen and np.array([seen["x"], seen["y"], seen["zoom"]])


def after(viewer, do):
    """Do something that moves the camera, and return where it then rests."""
    before = camera(viewer)
    do()
    return eventually(
        lambda: (now := camera(viewer)) is not None and not np.array_equal(now, before) and [now], "another camera"
    )[0]


def test_one_finger_pans_two_zoom_a_tap_focuses_and_a_lasso_is_drawn(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    # a name under the finger would go with it
    viewer.page.keyboard.press("t")
    fingers = Fingers(viewer.page)
    box = viewer.plot.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def pan():
        fingers.put(1, x, y)
        fingers.move({1: (x + 120, y + 60)})
        fingers.lift(1)

    def pinch():
        fingers.put(1, x - 60, y - 30)
        fingers.put(2, x + 60, y + 30)
        fingers.move({1: (x - 120, y - 60), 2: (x + 120, y + 60)})
        fingers.lift(2)

    first = after(viewer, pan)
    second = after(viewer, pan)
    shift = second - first
    assert shift[0] < 0 < shift[1] and shift[2] == 0
    assert shift[0] == pytest.approx(-2 * shift[1], rel=0.02)
    near = after(viewer, pinch)
    assert near == pytest.approx([*second[:2], 2 * second[2]], rel=0.01, abs=0.01 * abs(shift[0]))
    # the finger that stays pans on, in a plot twice as near
    still = after(viewer, lambda: (fingers.move({1: (x, y)}), fingers.lift(1)))
    assert still - near == pytest.approx(shift / 2, rel=0.02, abs=0.001)
    viewer.page.keyboard.press("0")
    eventually(lambda: camera(viewer) is None, "all cells in sight")
    cells = (abs(viewer.picture() - viewer.picture()[2, 2]).max(axis=2) > 60).nonzero()
    fingers.put(1, box["x"] + float(cells[1][900]), box["y"] + float(cells[0][900]))
    fingers.lift(1)
    expect(viewer.page.get_by_role("region", name="Focused cell")).to_be_visible()
    viewer.page.keyboard.press("l")
    fingers.put(1, box["x"] + 0.3 * box["width"], box["y"] + 0.1 * box["height"])
    for right, down in [(0.9, 0.1), (0.9, 0.9), (0.3, 0.9), (0.3, 0.1)]:
        fingers.move({1: (box["x"] + right * box["width"], box["y"] + down * box["height"])})
    fingers.lift(1)
    eventually(viewer.selected, "cells within the lasso")
    assert len(fingers.at) == 0
