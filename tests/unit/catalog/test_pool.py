"""The pool of open resources, against a model."""

from __future__ import annotations

import threading

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from starcyte.catalog.pool import Pool

KEYS = st.sampled_from("abcdef")
MAX_SIZE, MAX_IDLE = 3, 10.0


class Record:
    """Someresource that is open until it is closed, once."""

    def __init__(self) -> None:
        self.is_open = True

    def close(self) -> None:
        assert self.is_open, "closed twice"
        self.is_open = False


class PoolMachine(RuleBasedStateMachine):
    """The model: the resource of each key, its leases, and when it was used last."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.weight_limit = 0.0, 100
        self.busy: set[Record] = set()
        self.pool: Pool[Record] = Pool(
            MAX_SIZE, MAX_IDLE, Record.close, self.busy.__contains__, self.is_over, lambda: self.now
        )
        self.resources: dict[str, Record] = {}
        self.used: dict[str, float] = {}
        self.leases: list[tuple[str, object]] = []
        self.made: list[Record] = []

    def is_over(self) -> bool:
        return sum(resource.is_open for resource in self.made) > self.weight_limit

    def users(self, resource: Record) -> int:
        return sum(lease.value is resource for _, lease in self.leases)

    @rule(key=KEYS)
    def acquire(self, key: str) -> None:
        def make() -> Record:
            self.made.append(Record())
            return self.made[-1]

        lease = self.pool.acquire(key, make)
        assert lease.value is self.resources.setdefault(key, lease.value)
        self.leases.append((key, lease))
        self.used[key] = self.now

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key, lease = self.leases.pop(data.draw(st.integers(0, len(self.leases) - 1)))
        self.pool.release(lease)
        if self.resources.get(key) is lease.value:
            self.used[key] = self.now

    @rule(key=KEYS)
    def remove(self, key: str) -> None:
        self.pool.remove(key)
        self.resources.pop(key, None)

    @rule(key=KEYS)
    def removing_another_resource_does_nothing(self, key: str) -> None:
        self.pool.remove(key, Record())

    @rule(seconds=st.floats(0.1, 8.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        self.busy.clear()
        self.busy.update(t for t in self.resources.values() if data.draw(st.booleans()))

    @rule(limit=st.integers(1, 6))
    def weigh(self, limit: int) -> None:
        self.weight_limit = limit

    @rule()
    def sweep(self) -> None:
        free = [k for k, t in self.resources.items() if not self.users(t) and t not in self.busy]
        for key in sorted(free, key=lambda k: self.used[k]):
            if self.now - self.used[key] >= MAX_IDLE or len(self.resources) > MAX_SIZE or self.model_is_over():
                del self.resources[key]
        self.pool.sweep()

    def model_is_over(self) -> bool:
        in_use = {lease.value for _, lease in self.leases}
        return len(set(self.resources.values()) | in_use) > self.weight_limit

    @invariant()
    def is_as_the_model(self) -> None:
        assert dict(self.pool.items()) == self.resources
        assert len(self.pool) == len(self.resources)
        in_use = {lease.value for _, lease in self.leases}
        assert {t for t in self.made if t.is_open} == set(self.resources.values()) | in_use
        assert self.pool.n_opened - self.pool.n_closed == len(set(self.resources.values()) | in_use)

    @invariant()
    def order_is_that_of_use(self) -> None:
        times = [self.used[key] for key, _ in self.pool.items()]
        assert times == sorted(times)


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_resources_used_at_the_same_moment_may_go_in_any_order_but_the_budget_is_kept():
    pool: Pool[Record] = Pool(2, 100.0, Record.close, clock=lambda: 0.0)
    for key in "abcde":
        with pool.using(key, Record):
            pass
    pool.sweep()
    assert len(pool) == 2


def test_many_threads_never_meet_a_closed_resource():
    pool: Pool[Record] = Pool(2, 100.0, Record.close)
    wrong = []

    def use(seed: int) -> None:
        for i in range(300):
            key = "abcdef"[(seed * 7 + i * (seed + 1)) % 6]
            with pool.using(key, Record) as resource:
                if i % 5 == 0:
                    pool.remove(key)
                pool.sweep()
                if not resource.is_open:
                    wrong.append(key)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    pool.sweep()
    assert len(pool) <= 2
    pool.clear()
    assert pool.n_opened == pool.n_closed
