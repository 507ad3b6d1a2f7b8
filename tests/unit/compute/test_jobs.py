"""Jobs: shared by equal requests, bounded, cancelled, dropped; and always ended."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from starcyte.compute.jobs import Jobs
from starcyte.errors import BadRequest, NotFound, TooManyJobs
from starcyte.settings import Settings

pytestmark = pytest.mark.slow

SOON = 20


@pytest.fixture
def pool():
    """Return a function that makes a pool of jobs; all are closed, and their work let go, at the end of the test."""
    made = []

    def make(**settings):
        made.append(Jobs(Settings(**settings)))
        return made[-1]

    yield make
    for jobs in made:
        jobs.close()


class Work:
    """Work that goes on until it is let go, ticking."""

    def __init__(self, result="the result"):
        self.begun, self.go = threading.Event(), threading.Event()
        self.result, self.calls = result, 0

    def __call__(self, tick):
        self.calls += 1
        self.begun.set()
        while not self.go.wait(0.005):
            tick(0.5)
        tick(1.0)
        return self.result


def busy(jobs):
    """Fill all workers of a pool; return the works and jobs."""
    filled = []
    for number in range(100):
        work = Work()
        job = jobs.submit(f"busy {number}", work)
        filled.append((work, job))
        if not work.begun.wait(0.5):
            return filled
    raise AssertionError("the pool has no bound")


def ended(job):
    assert job.ended.wait(SOON), "the job does not end"
    return job


def test_a_job_gives_its_result(pool):
    job = ended(pool().submit("question", lambda tick: 42))
    assert (job.state, job.result, job.progress, job.error) == ("done", 42, 1.0, None)


def test_a_job_is_found_by_its_id(pool):
    jobs = pool()
    job = jobs.submit("question", lambda tick: 42)
    assert jobs.get(job.id) is job


@pytest.mark.parametrize("name", ["", "0" * 16, "../x", "<b>"])
def test_an_unknown_job_is_not_found(pool, name):
    with pytest.raises(NotFound):
        pool().get(name)
    with pytest.raises(NotFound):
        pool().cancel(name)


def test_ids_cannot_be_guessed_from_each_other(pool):
    jobs = pool()
    ids = {jobs.submit(f"question {i}", lambda tick: None).id for i in range(5)}
    assert len(ids) == 5
    assert all(len(i) == 16 and set(i) <= set("0123456789abcdef") for i in ids)


def test_equal_requests_are_computed_once_while_running_and_after(pool):
    jobs, work = pool(), Work()
    first = jobs.submit("question", work)
    assert work.begun.wait(SOON)
    assert jobs.submit("question", work) is first
    work.go.set()
    ended(first)
    assert jobs.submit("question", work) is first
    assert work.calls == 1


def test_different_requests_are_different_jobs(pool):
    jobs = pool()
    assert jobs.submit("one", lambda tick: 1) is not jobs.submit("two", lambda tick: 2)


def test_a_running_job_is_cancelled_at_its_next_tick(pool):
    jobs, work = pool(), Work()
    job = jobs.submit("question", work)
    assert work.begun.wait(SOON)
    assert jobs.cancel(job.id) is job
    assert ended(job).state == "cancelled"
    assert job.result is None
    assert job.error.code == "cancelled"


def test_a_queued_job_is_cancelled_at_once_and_never_begun(pool):
    jobs = pool()
    filled = busy(jobs)
    work, job = filled[-1]
    assert job.state == "queued"
    jobs.cancel(job.id)
    assert job.ended.is_set()
    assert job.state == "cancelled"
    for other, _ in filled[:-1]:
        other.go.set()
    for _, other in filled[:-1]:
        assert ended(other).state == "done"
    assert work.calls == 0


def test_a_cancelled_request_can_be_repeated(pool):
    jobs, work = pool(), Work()
    cancelled = jobs.submit("question", work)
    assert work.begun.wait(SOON)
    jobs.cancel(cancelled.id)
    again = jobs.submit("question", lambda tick: "fresh")
    assert again is not cancelled
    assert ended(again).result == "fresh"


def test_cancelling_a_finished_job_changes_nothing(pool):
    jobs = pool()
    job = ended(jobs.submit("question", lambda tick: 42))
    assert jobs.cancel(job.id).state == "done"
    assert job.result == 42


def test_cancelling_a_finished_job_keeps_its_result(pool):
    jobs = pool()
    job = ended(jobs.submit("question", lambda tick: 42))
    jobs.cancel(job.id)
    assert ended(jobs.submit("question", lambda tick: 43)).result == 42


def test_a_job_past_its_deadline_is_cancelled(pool):
    work = Work()
    job = ended(pool(job_deadline=0.05).submit("question", work))
    assert job.state == "cancelled"
    assert "job_deadline" in job.error.message


def test_a_job_that_is_not_polled_is_cancelled(pool):
    job = ended(pool(job_patience=0.05).submit("question", Work()))
    assert job.state == "cancelled"
    assert "job_patience" in job.error.message


def test_a_job_that_is_polled_continues(pool):
    jobs, work = pool(job_patience=0.5), Work()
    job = jobs.submit("question", work)
    for _ in range(8):
        assert not job.ended.wait(0.1)
        jobs.get(job.id)
    work.go.set()
    assert ended(job).state == "done"


def test_owners_are_served_round_robin(pool):
    jobs, begun = pool(queue_length=20), []
    filled = busy(jobs)
    queued = [
        jobs.submit(name, lambda tick, name=name: begun.append(name), owner=name[0])
        for name in ("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    ]
    filled[-1][0].go.set()  # the one that found no worker
    filled[0][0].go.set()  # one worker goes on, the others stay busy
    for job in queued:
        ended(job)
    assert begun == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_more_jobs_than_the_queue_holds_are_refused(pool):
    jobs = pool(queue_length=1)
    filled = busy(jobs)
    with pytest.raises(TooManyJobs, match="queue_length"):
        jobs.submit("one more", Work())
    filled[0][0].go.set()
    ended(filled[0][1])
    assert jobs.submit("one more", Work()).state in {"queued", "running"}


def test_a_full_queue_still_returns_the_job_of_an_equal_request(pool):
    jobs = pool(queue_length=1)
    filled = busy(jobs)
    assert jobs.submit("busy 0", Work()) is filled[0][1]


def test_the_oldest_results_are_dropped(pool):
    jobs = pool(job_results=2)
    done = [ended(jobs.submit(f"question {i}", lambda tick, i=i: i)) for i in range(5)]
    # one more may wait to be dropped until the next question
    for job in done[:2]:
        with pytest.raises(NotFound):
            jobs.get(job.id)
    for job in done[3:]:
        assert jobs.get(job.id).state == "done"


def test_large_results_are_dropped_but_for_the_last(pool):
    jobs = pool(job_result_bytes=100)
    done = [ended(jobs.submit(f"question {n}", lambda tick, n=n: np.zeros(n, np.uint8))) for n in (60, 30, 20, 200)]
    for job in done[:3]:
        with pytest.raises(NotFound):
            jobs.get(job.id)
    assert jobs.get(done[3].id).state == "done"


def test_a_dropped_result_is_computed_again(pool):
    jobs = pool(job_results=1)
    first = ended(jobs.submit("question", lambda tick: "old"))
    for i in range(3):
        ended(jobs.submit(f"other {i}", lambda tick: None))
    again = ended(jobs.submit("question", lambda tick: "new"))
    assert again is not first
    assert again.result == "new"


def test_a_job_that_raises_a_starcyte_error_fails_with_it(pool):
    def work(tick):
        raise BadRequest("Group a has 0 cells.", "Select more.")

    job = ended(pool().submit("question", work))
    assert job.state == "failed"
    assert job.error.as_dict() == {"code": "bad_request", "message": "Group a has 0 cells.", "hint": "Select more."}


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), MemoryError()], ids=["defect", "memory"])
def test_a_job_that_raises_another_exception_fails_without_revealing_it(pool, caplog, error):
    def work(tick):
        raise error

    job = ended(pool().submit("question", work))
    assert job.state == "failed"
    assert "secret" not in str(job.error)
    assert "defect" in job.error.message


def test_a_failed_request_can_be_repeated(pool, caplog):
    jobs = pool()

    def work(tick):
        raise ZeroDivisionError

    ended(jobs.submit("question", work))
    assert ended(jobs.submit("question", lambda tick: 42)).result == 42


def test_a_failing_job_leaves_its_worker_to_others(pool, caplog):
    jobs = pool()
    for i in range(8):
        ended(jobs.submit(f"failing {i}", lambda tick: 1 / 0))
    assert ended(jobs.submit("question", lambda tick: 42)).result == 42


def test_closing_ends_running_and_queued_jobs(pool):
    jobs = pool()
    filled = busy(jobs)
    jobs.close()
    for _, job in filled[:-1]:
        assert ended(job).state == "cancelled"
    assert filled[-1][0].calls == 0


def test_equal_requests_of_many_threads_are_computed_once(pool):
    jobs, work, found = pool(), Work(), []
    barrier = threading.Barrier(8)

    def ask():
        barrier.wait()
        found.append(jobs.submit("question", work))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work.go.set()
    assert len({job.id for job in found}) == 1
    ended(found[0])
    assert work.calls == 1


def test_quick_jobs_do_not_wait_for_slow_ones(pool):
    jobs = pool(queue_length=3)
    busy_ones = busy(jobs)
    with pytest.raises(TooManyJobs):
        for i in range(100):
            jobs.submit(f"waits {i}", Work())
    assert ended(jobs.submit("quick", lambda tick: 7, quick=lambda: True)).result == 7
    for work, _ in busy_ones:
        work.go.set()


def test_the_queue_of_quick_jobs_is_bounded(pool):
    jobs, slow = pool(queue_length=3), Work()
    jobs.submit("not so quick", slow, quick=lambda: True)
    assert slow.begun.wait(SOON)
    with pytest.raises(TooManyJobs):
        for i in range(100):
            jobs.submit(f"waits {i}", Work(), quick=lambda: True)
    slow.go.set()


def test_quick_is_not_called_if_both_queues_are_full(pool):
    def refuse():
        raise AssertionError("asked")

    jobs, works = pool(queue_length=0), [Work() for _ in range(4)]
    for number, work in enumerate(works):
        jobs.submit(f"held {number}", work, quick=lambda number=number: number < 2)
    with pytest.raises(TooManyJobs):
        jobs.submit("another", Work(), quick=refuse)
    # the same again takes part in what is under way
    assert jobs.submit("held 0", Work(), quick=refuse).key == "held 0"
    for work in works:
        work.go.set()


def test_an_owner_with_fewer_jobs_takes_a_place_in_a_full_queue(pool):
    jobs = pool(queue_length=4)
    busy(jobs)
    flood, refused = [], 0
    for number in range(40):
        try:
            flood.append(jobs.submit(f"flood {number}", Work(), owner="one who floods"))
        except TooManyJobs:
            refused += 1
    assert refused
    own = [jobs.submit(f"own {number}", Work(), owner="another") for number in range(2)]
    assert {job.state for job in own} == {"queued"}
    gone = [job for job in flood if job.ended.is_set()]
    assert gone
    assert {type(job.error) for job in gone} == {TooManyJobs}
    # and does not take more than a share
    with pytest.raises(TooManyJobs):
        for number in range(10):
            jobs.submit(f"more {number}", Work(), owner="another")
    assert sum(not job.ended.is_set() for job in flood) >= 1


@pytest.mark.parametrize("running", [True, False], ids=["running", "queued"])
def test_a_job_of_two_pages_is_cancelled_by_the_last_of_them(pool, running):
    jobs = pool()
    if not running:
        busy(jobs)
    work = Work()
    one = jobs.submit("question", work, owner="eva", asker="eva 1")
    assert jobs.submit("question", Work(), owner="eva", asker="eva 2") is one
    assert not running or work.begun.wait(SOON)
    jobs.cancel(one.id, asker="eva 1")
    jobs.cancel(one.id, asker="eva 1")
    jobs.cancel(one.id, asker="somebody")
    assert one.state == ("running" if running else "queued")
    assert not one.cancelled.is_set()
    jobs.cancel(one.id, asker="eva 2")
    assert ended(one).state == "cancelled"


def test_half_of_the_threads_wait_for_jobs(pool):
    jobs = pool(threads=4, answer_wait=60.0)
    work = Work()
    job = jobs.submit("question", work)
    waiting = [threading.Thread(target=jobs.wait, args=(job,)) for _ in range(2)]
    for thread in waiting:
        thread.start()
    while jobs._waiters._value:
        waiting[0].join(0.01)
    jobs.wait(job)  # at once
    assert not job.ended.is_set()
    work.go.set()
    for thread in waiting:
        thread.join(SOON)
        assert not thread.is_alive()
