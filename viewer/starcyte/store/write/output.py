"""The file that a command writes, which must not be the one that it reads."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from starcyte.errors import InputError


def refuse_dataset(output: Path, dataset: Path) -> None:
    """Raise if a file to write is the dataset, by whatever name.

    Parameters
    ----------
    output
        The file to write.
    dataset
        The file or folder that is read.

    Raises
    ------
    InputError
        If they are the same, or the file lies in the folder.
    """
    with suppress(OSError):
        # a file has other names by hard links, and need not exist
        if output.exists() and output.samefile(dataset):
            raise InputError(f"{str(output)!r} is the dataset itself.", "Choose another file.")
        if output.resolve().is_relative_to(dataset.resolve()):
            raise InputError(f"{str(output)!r} lies in the dataset, which it would change.", "Choose another folder.")
