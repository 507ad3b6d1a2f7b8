"""``starcyte compare``: its options, and the files that it writes."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from starcyte.errors import InputError
from starcyte.settings import Settings
from starcyte.store.write.output import refuse_dataset

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset, Tick


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    command.add_argument(
        "--sample",
        metavar="COLUMN",
        help="Column of obs with the samples, such as donors; default: the one that looks most like samples.",
    )
    command.add_argument(
        "--condition", metavar="COLUMN", required=True, help="Column of obs with the conditions to compare."
    )
    command.add_argument(
        "--a",
        metavar="VALUE",
        help="Condition whose genes are higher where the fold change is positive; default: the second of two.",
    )
    command.add_argument(
        "--b", metavar="VALUE", help="Condition to compare with; default: the other of two, or all others."
    )
    command.add_argument(
        "--covariates",
        metavar="COLUMN",
        nargs="+",
        action="extend",
        default=[],
        help="Columns of obs to adjust for, with one value in each sample.",
    )
    command.add_argument(
        "--each", metavar="COLUMN", help="Compare within each category of this column of obs, such as cell types."
    )
    command.add_argument(
        "--matrix", metavar="NAME", help="Matrix to compare in; default: the first of counts, or else of logarithms."
    )
    command.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="Tab-separated table of all genes that were tested."
    )
    command.add_argument(
        "--notes",
        type=Path,
        metavar="FILE",
        help="Text with the samples, what was refused, and the methods; default: lines of # above the table's header.",
    )
    command.add_argument("--report", type=Path, metavar="FILE", help="Report with plots, as one HTML file.")


def compare_file(dataset: Dataset, settings: Settings, args: argparse.Namespace, tick: Tick) -> str:
    """Compare two conditions, and write the table, the notes and the report.

    Parameters
    ----------
    dataset
        The dataset.
    settings
        ``cores``, ``max_samples`` and ``report_categories`` are used.
    args
        The options of :func:`add_options`.
    tick
        Called with the progress.

    Returns
    -------
    str
        The result in a line.

    Raises
    ------
    InputError
        If a file cannot be written.
    RequestError
        If the columns or the samples allow no comparison.
    """
    from starcyte.report.answer import answer, n_significant
    from starcyte.report.methods import comparison
    from starcyte.report.page import N_BEST, page
    from starcyte.report.question import ask
    from starcyte.report.table import notes, table

    for path in filter(None, (args.output, args.notes, args.report)):
        # found out before anything is computed
        if not path.absolute().parent.is_dir():
            raise InputError(f"The folder of {str(path)!r} does not exist.", "Create it, or choose another file.")
        refuse_dataset(path, dataset.path)
    question = ask(
        dataset, settings, args.condition, args.sample, args.a, args.b, args.covariates, args.each, args.matrix
    )
    found = answer(question, N_BEST, settings.cores, tick)
    _write(args.output, table(found, with_notes=args.notes is None))
    if args.notes is not None:
        _write(args.notes, notes(found))
    if args.report is not None:
        _write(args.report, page(found, settings.report_categories))
    n = sum(map(n_significant, found.parts))
    return f"{comparison(found)}: {n:,} significant genes"


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    """Write a file; an existing one is replaced when the new one is complete."""
    try:
        with tempfile.TemporaryDirectory(prefix=".starcyte-", dir=path.absolute().parent) as folder:
            part = Path(folder) / "part"
            with part.open("wb") as stream:
                stream.writelines(blocks)
            # with the permissions that any new file gets
            part.replace(path)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror}.", "Choose another file.") from None
