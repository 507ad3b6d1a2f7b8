"""A parallel loop over the blocks of a matrix."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from starcyte.store.dataset import Tick


def parallel_for(n: int, work: Callable[[int], None], workers: int, tick: Tick) -> None:
    """Call a function for each number below n, on several threads.

    Parameters
    ----------
    n
        The number of calls.
    work
        The function.
    workers
        The number of threads.
    tick
        Called before each call with the fraction done; if it raises, no further call is started.

    Raises
    ------
    Exception
        The first exception of a call, or of the tick.
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
