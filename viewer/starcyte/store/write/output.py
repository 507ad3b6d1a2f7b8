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
        If they are the same.
    """
    with suppress(OSError):
        if output.samefile(dataset):
            raise InputError(f"{str(output)!r} is the dataset itself.", "Choose another file.")
