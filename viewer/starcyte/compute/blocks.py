"""A whole matrix, block by block, on several threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from starcyte.store.dataset import Tick


def each(n: int, work: Callable[[int], None], workers: int, tick: Tick) -> None:
    """Do a piece of work for each number below n, some at a time.

    Parameters
    ----------
    n
        How many pieces there are.
    work
        Does one; called from several threads.
    workers
        How many are done at a time.
    tick
        Called between pieces with the fraction done; when it raises, no piece is begun any more.

    Raises
    ------
    Exception
        The first that a piece, or the tick, raises.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="blocks") as pool:
        pending: set[Future[None]] = set()
        try:
            for number in range(n):
                tick(number / n)
                if len(pending) >= workers:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                pending.add(pool.submit(work, number))
            for future in pending:
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    tick(1.0)
