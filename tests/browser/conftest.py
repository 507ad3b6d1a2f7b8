"""Fixtures of the browser tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

from browser_page import browser, serve, visit

__all__ = ["browser", "serve", "visit"]
