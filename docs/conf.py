"""The configuration of Sphinx: ``make docs`` builds the documentation, without network and with warnings as errors."""

from __future__ import annotations

import sys
from pathlib import Path

from starcyte import __version__

DOCS = Path(__file__).parent
# the local extension `generate` is beside this file
sys.path.insert(0, str(DOCS))

project = "starcyte"
author = "the starcyte developers"
project_copyright = "the starcyte developers"
version = release = __version__

extensions = ["myst_parser", "sphinx_design", "sphinx_copybutton", "generate"]
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
exclude_patterns = ["generate"]
nitpicky = True
# names of options begin with two hyphens, also where they are not set as code
smartquotes = False
highlight_language = "none"

html_theme = "sphinx_book_theme"
html_title = "starcyte"
html_logo = html_favicon = "../viewer/client/src/icon.svg"
html_static_path = ["static"]
html_css_files = ["starcyte.css"]
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "home_page_in_toc": True,
    "logo": {"text": "starcyte"},
    "navbar_persistent": [],
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
}
copybutton_prompt_text = "$ "
