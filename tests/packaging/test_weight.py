"""How much a browser loads before the page is there."""

import gzip
import re
from pathlib import Path

STATIC = Path(__file__).resolve().parents[2] / "viewer" / "starcyte" / "static"
BUDGET = 220_000


def test_the_first_load_keeps_to_its_budget():
    page = (STATIC / "index.html").read_text()
    first = re.findall(r'(?:src|href)="\./?([^"]+\.(?:js|css))"', page)
    assert any(name.endswith(".js") for name in first)
    assert any(name.endswith(".css") for name in first)
    seen: set[str] = set()
    while first:
        name = first.pop()
        if name in seen:
            continue
        seen.add(name)
        if name.endswith(".js"):
            # What a script imports before it runs; what it asks for later is a call: import("...").
            folder = Path(name).parent
            static = re.findall(r'(?:from|import)\s*"\./([^"]+)"', (STATIC / name).read_text())
            first += [str(folder / other) for other in static]
    weight = sum(len(gzip.compress((STATIC / name).read_bytes(), 6)) for name in [*seen, "index.html"])
    assert weight <= BUDGET, f"{weight:,} bytes of {sorted(seen)}"
