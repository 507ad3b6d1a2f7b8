"""Writing in a process of its own: HDF5 may crash when it writes to a damaged file or to a full disk."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.store.dataset import Tick, no_tick

_POLL_SECONDS = 0.2

Write = Callable[..., list[str]]


def write_in_process(write: Write, path: Path, *args: Any, tick: Tick = no_tick) -> list[str]:
    """Call a function that writes a file in a child process, which ends with the call.

    Parameters
    ----------
    write
        A function of a module, called with the path, the arguments and a tick of its own.
    path
        The file that it writes.
    *args
        Its other arguments, which are pickled.
    tick
        Called with the fraction done; raises to stop.

    Returns
    -------
    list of str
        What the function returns.

    Raises
    ------
    DatasetInvalid
        If the process ends without an answer.
    StarcyteError
        Of the function.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_write_in_child, args=(theirs, write, path, args), daemon=True)
    process.start()
    theirs.close()
    done = 0.0
    try:
        while True:
            tick(done)
            if not ours.poll(_POLL_SECONDS):
                continue
            answer: float | list[str] | StarcyteError = ours.recv()
            if isinstance(answer, StarcyteError):
                raise answer
            if isinstance(answer, list):
                return answer
            done = answer
    except EOFError:
        raise DatasetInvalid(
            f"{path.name.lstrip('.')!r}: HDF5 crashed while it wrote the file.",
            "The dataset may be damaged, or the disk full; write it again with anndata.",
        ) from None
    finally:
        ours.close()
        process.kill()
        process.join()


def _write_in_child(pipe: Connection, write: Write, path: Path, args: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    try:
        pipe.send(write(path, *args, tick=pipe.send))
    except StarcyteError as error:
        pipe.send(error)
