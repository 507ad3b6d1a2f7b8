"""Jobs: work too long for one request, run by a bounded pool, polled by id, cancelled between blocks.

Owners are served round-robin: the queued job of the owner who has waited longest runs next, regardless of how many jobs
another owner has queued. If the queue is full, an owner with fewer jobs in it takes the place of the one with most. A
job that several have asked for is cancelled by the last of them. A job that is not polled for some time is cancelled,
because its page has been closed.

Invariant: a job is in ``_jobs`` from ``submit`` until it is dropped as the oldest finished one, or with its scope;
while the lock is not held, a job whose state is queued or running has a worker that will end it.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from starcyte.errors import Cancelled, NotFound, StarcyteError, TooManyJobs
from starcyte.settings import Settings

if TYPE_CHECKING:
    from starcyte.store.dataset import Tick

log = logging.getLogger(__name__)

JobState = Literal["queued", "running", "done", "failed", "cancelled"]

# each comparison uses all cores; with two at a time a short one does not wait for a long one
_AT_ONCE = 2


@dataclass(eq=False)
class Job:
    """One unit of work, with its state, progress and result.

    ``state`` changes from queued to running to one of done, failed and cancelled, which is final. ``noun`` names the
    work in messages; ``work`` does it, and is None once it has ended; ``polled`` is the time of the last request for
    it, ``ended_at`` that of its end; ``askers`` are those who have asked for it and have not cancelled it.
    """

    id: str
    key: str
    owner: str
    scope: str
    work: Callable[[Tick], Any] | None
    deadline: float
    patience: float
    noun: str = "comparison"
    quick: bool = False
    askers: set[str] = field(default_factory=set)
    state: JobState = "queued"
    progress: float = 0.0
    result: Any = None
    error: StarcyteError | None = None
    polled: float = field(default_factory=time.monotonic)
    ended_at: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def tick(self, done: float) -> None:
        """Record the progress; raise Cancelled if the job was cancelled, is past its deadline or is not polled."""
        self.progress = done
        now = time.monotonic()
        if self.cancelled.is_set():
            raise Cancelled(f"The {self.noun} was cancelled.")
        if now > self.deadline:
            hint = "Compare fewer cells." if self.noun == "comparison" else ""
            raise Cancelled(f"The {self.noun} exceeded the time limit (job_deadline).", hint)
        if now - self.polled > self.patience:
            raise Cancelled(
                f"The {self.noun} was cancelled because no client polled it (job_patience).", "Start it again."
            )


class Jobs:
    """The pool of workers, with the jobs that are queued, running or finished.

    Parameters
    ----------
    settings
        ``queue_length``, ``job_deadline``, ``job_patience``, ``job_results``, ``job_result_bytes``, ``answer_wait`` and
        ``threads`` are used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="job")
        # a quick job must not wait for one that reads a matrix
        self._quick_pool = ThreadPoolExecutor(1, thread_name_prefix="quick job")
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._last_turn: dict[str, float] = {}
        self._waiters = threading.Semaphore(max(settings.threads // 2, 1))

    def submit(
        self,
        key: str,
        work: Callable[[Tick], Any],
        owner: str = "",
        noun: str = "comparison",
        is_stale: Callable[[Any], bool] = lambda result: False,
        scope: str = "",
        quick: Callable[[], bool] = lambda: False,
        asker: str = "",
    ) -> Job:
        """Return a new job, or the one with the same key that is queued, running or done.

        Parameters
        ----------
        key
            The whole request: equal keys have equal results.
        work
            The work: called with the job's tick, returns the result.
        owner
            The client that asks; owners are served round-robin.
        noun
            The name of the work in messages.
        is_stale
            Returns whether a finished result can no longer be used.
        scope
            The dataset that it belongs to: jobs of other scopes are not shared.
        quick
            Returns whether it takes a fraction of a second: such jobs have a queue of their own. Not called if both
            queues are full.
        asker
            The page of the owner, whose cancelling is its own; by default the owner.

        Raises
        ------
        TooManyJobs
            If the queue is full.
        """
        asker = asker or owner
        with self._lock:
            if same := self._same(key, scope, is_stale, asker):
                return same
            self._check_room(owner, True, False)
        is_quick = quick()
        with self._lock:
            if same := self._same(key, scope, is_stale, asker):
                return same
            self._check_room(owner, is_quick)
            self._make_room(owner, is_quick)
            deadline, patience = time.monotonic() + self._settings.job_deadline, self._settings.job_patience
            job = Job(secrets.token_hex(8), key, owner, scope, work, deadline, patience, noun, is_quick, {asker})
            self._jobs[job.id] = job
            self._drop_old()
        (self._quick_pool if is_quick else self._pool).submit(self._run_next, is_quick)
        return job

    def _same(self, key: str, scope: str, is_stale: Callable[[Any], bool], asker: str) -> Job | None:
        job = next((j for j in self._in_scope(scope) if j.key == key and self._is_usable(j, is_stale)), None)
        if job:
            job.polled = time.monotonic()
            job.askers.add(asker)
        return job

    def _under_way(self, quick: bool) -> list[Job]:
        return [j for j in self._jobs.values() if not j.ended.is_set() and j.quick == quick]

    def _is_full(self, quick: bool) -> bool:
        return len(self._under_way(quick)) >= int(self._settings.queue_length) + _AT_ONCE

    def _displaced(self, owner: str, quick: bool) -> Job | None:
        """Return the job whose place an owner with fewer jobs takes: the newest that waits of the one with most."""
        counts = Counter(j.owner for j in self._under_way(quick))
        waiting = [j for j in self._under_way(quick) if j.state == "queued"]
        if not waiting:
            return None
        most = max(waiting, key=lambda j: counts[j.owner]).owner
        if counts[most] <= counts[owner] + 1:
            return None
        return [j for j in waiting if j.owner == most][-1]

    def _make_room(self, owner: str, quick: bool) -> None:
        if self._is_full(quick) and (displaced := self._displaced(owner, quick)):
            displaced.cancelled.set()
            error = TooManyJobs(
                f"The {displaced.noun} gave way to those of other users (queue_length).", "Try again in a few seconds."
            )
            self._end(displaced, "failed", error)

    def _check_room(self, owner: str, *queues: bool) -> None:
        """Raise TooManyJobs if all of these queues, the quick one and the other, are full for an owner."""
        under_way = [len(self._under_way(quick)) for quick in queues]
        if all(self._is_full(quick) and self._displaced(owner, quick) is None for quick in queues):
            raise TooManyJobs(
                f"{sum(under_way)} comparisons are running or queued (queue_length).",
                "Try again in a few seconds.",
            )

    def get(self, job_id: str, scope: str = "") -> Job:
        """Return a job by id; raise NotFound if it does not exist or its result was dropped."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None or job.scope != scope:
            raise NotFound(
                f"No such job: {job_id!r}.", "Results are kept for a limited time; start the comparison again."
            )
        job.polled = time.monotonic()
        return job

    def cancel(self, job_id: str, scope: str = "", asker: str = "") -> Job:
        """Stop a job before its next block, unless others have asked for it too, and return it."""
        job = self.get(job_id, scope)
        with self._lock:
            job.askers.discard(asker)
            if job.askers:
                return job
            job.cancelled.set()
            if job.state == "queued":
                self._end(job, "cancelled", Cancelled(f"The {job.noun} was cancelled."))
        return job

    def wait(self, job: Job) -> None:
        """Wait for a job for the time ``answer_wait``, unless half of the threads that answer requests are waiting."""
        if self._waiters.acquire(blocking=False):
            try:
                job.ended.wait(self._settings.answer_wait)
            finally:
                self._waiters.release()

    def under_way(self, scope: str | None = None) -> tuple[int, int]:
        """Return the number of running and of queued jobs, of one scope or of all."""
        with self._lock:
            states = [j.state for j in (self._jobs.values() if scope is None else self._in_scope(scope))]
        return states.count("running"), states.count("queued")

    def drop(self, scope: str) -> None:
        """Cancel the jobs of a scope and remove them with their results."""
        with self._lock:
            for job in self._in_scope(scope):
                job.cancelled.set()
                if job.state == "queued":
                    self._end(job, "cancelled", Cancelled(f"The {job.noun} was cancelled."))
                del self._jobs[job.id]

    def close(self) -> None:
        """Cancel all jobs and shut the pool down, without waiting."""
        with self._lock:
            for job in self._jobs.values():
                job.cancelled.set()
        for pool in (self._pool, self._quick_pool):
            pool.shutdown(wait=False, cancel_futures=True)

    def _run_next(self, quick: bool) -> None:
        with self._lock:
            queued = [j for j in self._jobs.values() if j.state == "queued" and j.quick == quick]
            if not queued:
                return
            job = min(queued, key=lambda j: self._last_turn.get(j.owner, 0.0))
            owners = {j.owner for j in queued}
            self._last_turn = {o: t for o, t in self._last_turn.items() if o in owners} | {job.owner: time.monotonic()}
            job.state = "running"
        assert job.work is not None
        try:
            job.tick(0.0)
            job.result = job.work(job.tick)
        except Cancelled as error:
            self._end(job, "cancelled", error)
        except StarcyteError as error:
            self._end(job, "failed", error)
        except BaseException:  # a worker that ends by any exception would leave its job running for ever
            log.exception("a job failed")
            failure = StarcyteError(f"The {job.noun} failed: a defect of starcyte.", "See the server's log.")
            self._end(job, "failed", failure)
        else:
            job.progress = 1.0
            with self._lock:
                self._end(job, "done", None)
                self._drop_old()

    def _in_scope(self, scope: str) -> list[Job]:
        return [j for j in self._jobs.values() if j.scope == scope]

    @staticmethod
    def _end(job: Job, state: JobState, error: StarcyteError | None) -> None:
        job.ended_at = time.monotonic()
        job.error = error and error.anew()
        job.work = None  # which holds the cells that it is about
        job.state = state
        job.ended.set()

    @staticmethod
    def _is_usable(job: Job, is_stale: Callable[[Any], bool]) -> bool:
        return (job.state == "done" and not is_stale(job.result)) or (
            job.state in {"queued", "running"} and not job.cancelled.is_set()
        )

    def _drop_old(self) -> None:
        finished = [j for j in self._jobs.values() if j.ended.is_set()]
        n_bytes = 0
        for age, job in enumerate(sorted(finished, key=lambda j: -j.ended_at), 1):
            n_bytes += getattr(job.result, "nbytes", 0)
            # the last one is kept in any case: its page is about to ask for it
            too_large = age > 1 and n_bytes > self._settings.job_result_bytes
            if age > self._settings.job_results or too_large:
                del self._jobs[job.id]


class ScopedJobs:
    """The jobs of one dataset in a pool that several datasets share.

    Parameters
    ----------
    jobs
        The pool.
    scope
        The dataset.
    """

    def __init__(self, jobs: Jobs, scope: str) -> None:
        self._jobs, self._scope = jobs, scope

    def submit(
        self,
        key: str,
        work: Callable[[Tick], Any],
        owner: str = "",
        noun: str = "comparison",
        is_stale: Callable[[Any], bool] = lambda result: False,
        quick: Callable[[], bool] = lambda: False,
        asker: str = "",
    ) -> Job:
        """Return a new job or the one with the same key, as ``Jobs.submit`` does."""
        return self._jobs.submit(key, work, owner, noun, is_stale, self._scope, quick, asker)

    def get(self, job_id: str) -> Job:
        """Return a job by id; raise NotFound if it does not exist or its result was dropped."""
        return self._jobs.get(job_id, self._scope)

    def cancel(self, job_id: str, *, asker: str = "") -> Job:
        """Stop a job before its next block, unless others have asked for it too, and return it."""
        return self._jobs.cancel(job_id, self._scope, asker)

    def wait(self, job: Job) -> None:
        """Wait for a job, as ``Jobs.wait`` does."""
        self._jobs.wait(job)

    @property
    def busy(self) -> bool:
        """Whether any is queued or running."""
        return sum(self._jobs.under_way(self._scope)) > 0

    def close(self) -> None:
        """Cancel the jobs of the dataset, and no others."""
        self._jobs.drop(self._scope)
