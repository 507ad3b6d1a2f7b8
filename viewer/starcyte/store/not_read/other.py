"""A kind of content that is not read: its name in messages, and the command that makes it readable."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from starcyte.errors import DatasetInvalid


@dataclass(frozen=True)
class Name:
    """The name of a file, as the languages of commands write it.

    Parameters
    ----------
    text
        The name, without its folder.
    """

    text: str

    @property
    def shell(self) -> str:
        """The name as a word of a shell."""
        return shlex.quote(self.text)

    @property
    def python(self) -> str:
        """The name as a string of Python."""
        return repr(self.text)

    @property
    def r(self) -> str:
        """The name as a string of R."""
        return json.dumps(self.text)

    @property
    def h5ad(self) -> str:
        """The name of the converted file, as a string of Python."""
        return repr(f"{self._stem}.h5ad")

    @property
    def r_h5ad(self) -> str:
        """The name of the converted file, as a string of R."""
        return json.dumps(f"{self._stem}.h5ad")

    @property
    def _stem(self) -> str:
        for ending in (".gz", ".bz2", ".xz", ".zst"):
            if self.text.lower().endswith(ending):
                return self.text[: -len(ending)].rpartition(".")[0] or self.text
        return self.text.rpartition(".")[0] or self.text


@dataclass(frozen=True)
class Other:
    """A kind of content that is not read.

    Parameters
    ----------
    what
        Its kind, with an article.
    hint
        Returns the remedy, a sentence with a command, for the name of a file.
    """

    what: str
    hint: Callable[[Name], str]

    def error(self, name: str, shown: str = "") -> DatasetInvalid:
        """Return the error of a file.

        Parameters
        ----------
        name
            The name of the file, for the command.
        shown
            Its name in the message, such as its URL; by default its name.
        """
        return DatasetInvalid(f"{shown or repr(name)} is not read: it is {self.what}.", self.hint(Name(name)))
