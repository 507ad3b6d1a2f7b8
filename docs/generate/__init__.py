"""A Sphinx extension: the parts of the reference that are generated from the program, and formulas as MathML.

A line such as ``<!-- generate: settings -->`` in a page is replaced by the text of the generator. Files of the
repository's root are included with links to each other; here these lead to the pages that include them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from generate import commands, errors, formats, interface, mathml, settings

if TYPE_CHECKING:
    from pathlib import Path

    from sphinx.application import Sphinx

GENERATORS: dict[str, Callable[[], str]] = {
    "commands": commands.markdown,
    "unsupported": commands.unsupported,
    "settings": settings.markdown,
    "settings-of-a-dataset": settings.of_a_dataset,
    "errors": errors.markdown,
    "formats": formats.markdown,
    "dataset-operations": lambda: interface.operations(interface.of_dataset()),
    "dataset-schemas": lambda: interface.schemas(interface.of_dataset()),
    "catalog-operations": lambda: interface.operations(interface.of_catalog()),
    "catalog-schemas": lambda: interface.schemas(interface.of_catalog(), interface.of_dataset()),
}


#: Files of the repository's root, and the pages that include them
INCLUDED = {
    "CHANGELOG.md": "/development/changelog.md",
    "CONTRIBUTING.md": "/development/contributing.md",
    "SECURITY.md": "/development/security.md",
    "galaxy_wrappers/README.md": "/howto/galaxy-admin.md",
}


def insert(text: str) -> str:
    """Return the source of a page with the generated parts in place of their marks."""
    return re.sub(r"^<!-- generate: ([\w-]+) -->$", lambda mark: GENERATORS[mark[1]](), text, flags=re.MULTILINE)


def _read(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = insert(source[0])


def relink(text: str) -> str:
    """Return the source of a file of the repository's root with its links as seen from the documentation."""
    for path, page in INCLUDED.items():
        text = text.replace(f"]({path}", f"]({page}")
    return text.replace("](docs/", "](/")


def _read_included(app: Sphinx, path: Path, page: str, content: list[str]) -> None:
    content[0] = relink(content[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension."""
    app.connect("source-read", _read)
    app.connect("include-read", _read_included)
    mathml.setup(app)
    return {"parallel_read_safe": True}
