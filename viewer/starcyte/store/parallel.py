"""Work on the blocks of a matrix in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from starcyte.store.dataset import Tick


def in_parallel(n: int, work: Callable[[int], None], workers: int, tick: Tick) -> None:
    """Do work with a number from 0 to n - 1 in threads; not more than one piece for each is under way.

    Parameters
    ----------
    n
        How often.
    work
        Called with each number.
    workers
        The number of threads.
    tick
        Called with the fraction that is begun; raises to stop.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="blocks") as pool:
        pending: set[Future[None]] = set()
        try:
            for number in range(n):
                tick(number / n)
                pending.add(pool.submit(work, number))
                if len(pending) >= workers:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
            for future in pending:
                future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
