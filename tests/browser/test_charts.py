"""Every kind of chart against what it was when somebody looked at it and found it right: ``charts/*.json``.

A chart is kept as what it says and where its marks are within it, so that another machine's font changes nothing:
names, tips, colours, and boxes as shares of all marks; of what is drawn on a canvas, a coarse picture. After a change
that is meant, look at the charts and keep them anew: ``RENEW_CHARTS=1 pytest tests/browser/test_charts.py``.
"""

from __future__ import annotations

import base64
import json
import os
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from browser_page import eventually
from PIL import Image
from playwright.sync_api import expect

KEPT = Path(__file__).parent / "charts"
PLOTS = {
    "dots": "Dot plot",
    "matrix": "Matrix",
    "heat": "Heat map",
    "violins": "Violins",
    "composition": "Composition",
}
SHAPES = """(figure) => {
  const svg = figure.querySelector('svg');
  const marks = [];
  const marked = 'rect[data-tip], circle[data-tip], [data-tip] > path, [data-tip] > circle';
  for (const shape of svg.querySelectorAll(marked)) {
    const box = shape.getBoundingClientRect();
    const tip = shape.closest('[data-tip]').dataset.tip;
    marks.push({ tip, fill: getComputedStyle(shape).fill, box: [box.left, box.top, box.right, box.bottom] });
  }
  const texts = [...svg.querySelectorAll('text')].map((text) => text.textContent.trim());
  const canvas = figure.querySelector('canvas');
  return { marks, texts, canvas: canvas && canvas.width > 0 ? canvas.toDataURL('image/png') : null };
}"""


def seen(figure) -> dict:
    """Return a chart as it is kept."""
    found = figure.evaluate(SHAPES)
    boxes = np.array([mark.pop("box") for mark in found["marks"]] or np.zeros((0, 4)))
    for mark, box in zip(found["marks"], within(boxes), strict=True):
        mark["fill"] = [int(part) for part in re.findall(r"\d+", mark["fill"])[:3]]
        mark["box"] = box
    found["canvas"] = coarse(found["canvas"]) if found["canvas"] else None
    return found


def at_rest(figure) -> dict:
    """Return a chart once it no longer changes."""
    looks: list[dict] = []

    def rests() -> bool:
        looks.append(seen(figure))
        return len(looks) > 2 and looks[-1] == looks[-2] == looks[-3]

    eventually(rests, "a chart at rest")
    return looks[-1]


def within(boxes: np.ndarray) -> list[list[float]]:
    """Return boxes as thousandths of what they lie in together."""
    if not len(boxes):
        return []
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return (1000 * (boxes - [*low, *low]) / ([*high, *high] - np.array([*low, *low]))).round().astype(int).tolist()


def coarse(address: str) -> list[list[int]]:
    """Return a picture in 16 x 12 colours, a row each, on white."""
    picture = Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    small = np.asarray(ground.convert("RGB").resize((16, 12), Image.Resampling.BOX))
    return small.reshape(12, -1).tolist()


def same_text(one: str, other: str) -> bool:
    """Whether two texts are the same but for where a font has cut them."""
    length = min(len(text.partition("…")[0]) if "…" in text else 999 for text in (one, other))
    return one[:length] == other[:length]


def assert_as_kept(name: str, now: dict) -> None:
    """Compare a chart with the one that is kept; keep it where it is asked for."""
    file = KEPT / f"{name}.json"
    if os.environ.get("RENEW_CHARTS"):
        KEPT.mkdir(exist_ok=True)
        file.write_text(json.dumps(now, ensure_ascii=False, separators=(",", ":")).replace("},{", "},\n{") + "\n")
    kept = json.loads(file.read_text())
    assert [mark["tip"] for mark in now["marks"]] == [mark["tip"] for mark in kept["marks"]]
    for mark, before in zip(now["marks"], kept["marks"], strict=True):
        assert mark["fill"] == pytest.approx(before["fill"], abs=2), mark["tip"]
        assert mark["box"] == pytest.approx(before["box"], abs=8), mark["tip"]
    assert (now["canvas"] is None) == (kept["canvas"] is None)
    if kept["canvas"]:
        apart = abs(np.array(now["canvas"]) - np.array(kept["canvas"]))
        assert apart.mean() < 3 and apart.max() < 40
    if name == "volcano":
        # which names find a place depends on how wide they are
        both = {*now["texts"]} & {*kept["texts"]}
        assert len(both) > 0.7 * len(kept["texts"])
        return
    assert len(now["texts"]) == len(kept["texts"])
    assert [pair for pair in zip(now["texts"], kept["texts"], strict=True) if not same_text(*pair)] == []


def test_charts_are_as_they_were(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.keyboard.press("p")
    drawer = viewer.page.get_by_role("region", name="Plots")
    drawer.get_by_role("button", name=re.compile("^Genes")).click()
    viewer.page.get_by_role("textbox", name="Genes, by name or id").fill("CD79A MS4A1 LYZ CST3 NKG7 GNLY")
    viewer.page.get_by_role("button", name="Plot these genes").click()
    figure = drawer.locator("[data-figure]")
    for name, title in PLOTS.items():
        drawer.get_by_role("radio", name=title).click()
        if name == "composition":
            drawer.get_by_role("combobox", name=re.compile("^Parts")).click()
            viewer.page.get_by_role("option", name="louvain").click()
        expect(figure.locator("[data-tip]").nth(20)).to_be_attached()
        assert_as_kept(name, at_rest(figure))


def test_the_volcano_is_as_it_was(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.get_by_role("tab", name="Compare").click()
    viewer.page.get_by_role("button", name="or a category as set A").click()
    box = viewer.page.get_by_role("region", name="Set A from a category")
    box.get_by_role("button", name="CD14+ Monocyte 129").click()
    viewer.page.get_by_role("button", name="Compare expression").click()
    viewer.page.get_by_role("button", name="Volcano plot", exact=True).click()
    figure = viewer.page.locator("[data-figure]")
    expect(figure.locator("text.name").first).to_be_visible()
    assert_as_kept("volcano", at_rest(figure))
