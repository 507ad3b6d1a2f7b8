"""The shelf of open things, against a model."""

from __future__ import annotations

import threading

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from starcyte.catalog.pool import Pool

KEYS = st.sampled_from("abcdef")
MOST, SECONDS = 3, 10.0


class Record:
    """Something that is open until it is closed, once."""

    def __init__(self) -> None:
        self.is_open = True

    def close(self) -> None:
        assert self.is_open, "closed twice"
        self.is_open = False


class ShelfMachine(RuleBasedStateMachine):
    """The model: of each key on the shelf the thing, who holds it, and when it was used last."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.weight_limit = 0.0, 100
        self.busy: set[Record] = set()
        self.shelf: Pool[Record] = Pool(
            MOST, SECONDS, Record.close, self.busy.__contains__, self.is_over, lambda: self.now
        )
        self.things: dict[str, Record] = {}
        self.used: dict[str, float] = {}
        self.held: list[tuple[str, object]] = []
        self.made: list[Record] = []

    def is_over(self) -> bool:
        return sum(thing.is_open for thing in self.made) > self.weight_limit

    def holders(self, thing: Record) -> int:
        return sum(copy.thing is thing for _, copy in self.held)

    @rule(key=KEYS)
    def take(self, key: str) -> None:
        def make() -> Record:
            self.made.append(Record())
            return self.made[-1]

        copy = self.shelf.take(key, make)
        assert copy.thing is self.things.setdefault(key, copy.thing)
        self.held.append((key, copy))
        self.used[key] = self.now

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        key, copy = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        self.shelf.give_back(copy)
        if self.things.get(key) is copy.thing:
            self.used[key] = self.now

    @rule(key=KEYS)
    def drop(self, key: str) -> None:
        self.shelf.drop(key)
        self.things.pop(key, None)

    @rule(key=KEYS)
    def drop_of_another_thing_does_nothing(self, key: str) -> None:
        self.shelf.drop(key, Record())

    @rule(seconds=st.floats(0.1, 8.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        self.busy.clear()
        self.busy.update(t for t in self.things.values() if data.draw(st.booleans()))

    @rule(limit=st.integers(1, 6))
    def weigh(self, limit: int) -> None:
        self.weight_limit = limit

    @rule()
    def sweep(self) -> None:
        free = [k for k, t in self.things.items() if not self.holders(t) and t not in self.busy]
        for key in sorted(free, key=lambda k: self.used[k]):
            if self.now - self.used[key] >= SECONDS or len(self.things) > MOST or self.model_is_over():
                del self.things[key]
        self.shelf.sweep()

    def model_is_over(self) -> bool:
        held = {copy.thing for _, copy in self.held}
        return len(set(self.things.values()) | held) > self.weight_limit

    @invariant()
    def is_as_the_model(self) -> None:
        assert dict(self.shelf.items()) == self.things
        assert len(self.shelf) == len(self.things)
        held = {copy.thing for _, copy in self.held}
        assert {t for t in self.made if t.is_open} == set(self.things.values()) | held
        assert self.shelf.opened - self.shelf.closed == len(set(self.things.values()) | held)

    @invariant()
    def order_is_that_of_use(self) -> None:
        times = [self.used[key] for key, _ in self.shelf.items()]
        assert times == sorted(times)


TestShelf = ShelfMachine.TestCase
TestShelf.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_things_used_at_the_same_moment_may_go_in_any_order_but_the_budget_is_kept():
    shelf: Pool[Record] = Pool(2, 100.0, Record.close, clock=lambda: 0.0)
    for key in "abcde":
        with shelf.hold(key, Record):
            pass
    shelf.sweep()
    assert len(shelf) == 2


def test_many_threads_never_meet_a_closed_thing():
    shelf: Pool[Record] = Pool(2, 100.0, Record.close)
    wrong = []

    def use(seed: int) -> None:
        for i in range(300):
            key = "abcdef"[(seed * 7 + i * (seed + 1)) % 6]
            with shelf.hold(key, Record) as thing:
                if i % 5 == 0:
                    shelf.drop(key)
                shelf.sweep()
                if not thing.is_open:
                    wrong.append(key)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    shelf.sweep()
    assert len(shelf) <= 2
    shelf.clear()
    assert shelf.opened == shelf.closed
