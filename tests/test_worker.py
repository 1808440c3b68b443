"""One thread that repeats a round: shared by all who ask, and never lost."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exporter.worker import Worker

_LONG = 60.0
_SOON = 30.0
_RECENT = 0.1
_ASKERS = 8
_LONGEST_PAUSE = 0.05

Make = Callable[..., Worker]


class Clock:
    """Time that passes only when somebody says so."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Return the time."""
        return self._now

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += seconds


class Rounds:
    """Counts rounds, and can hold one up or have it break."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended: list[float] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.error: Exception | None = None

    def __call__(self) -> None:
        """Make one."""
        self.begun += 1
        self.threads.add(threading.get_ident())
        self.entered.set()
        assert self.gate.wait(_SOON)
        if self.error is not None:
            raise self.error
        self.ended.append(time.monotonic())

    def hold(self) -> None:
        """Let the next round begin, and not end."""
        self.entered.clear()
        self.gate.clear()


@pytest.fixture
def make() -> Iterator[Make]:
    """Make workers that end with the test."""
    made: list[Worker] = []

    def new(run: Callable[[], None], seconds: float = _LONG, **more: Any) -> Worker:
        made.append(Worker("test", seconds, run, **more))
        return made[-1]

    yield new
    for worker in made:
        worker.stop()
        if worker.ident is not None:
            worker.join(_SOON)
            assert not worker.is_alive()


@pytest.fixture
def clock() -> Clock:
    """What tells a worker how long ago a round has ended."""
    return Clock()


def _idle(worker: Worker, clock: Clock) -> None:
    """Wait for the first round to end, and let it be long ago."""
    assert worker.wait(1, _SOON)
    clock.pass_by(_RECENT * 1.5)


def test_it_goes_on_by_itself(make: Make) -> None:
    """The first round comes at once, the next ones after a while, all in one thread."""
    rounds = Rounds()
    worker = make(rounds, 0.05)
    before = worker.asked_once
    worker.start()
    assert worker.wait(4, _SOON)
    assert (before, worker.asked_once) == (False, True)
    assert rounds.threads == {worker.ident}


def test_who_asks_while_a_round_runs_shares_it(make: Make, clock: Clock) -> None:
    """Ten scrapes at once are one look at the disk."""
    rounds = Rounds()
    worker = make(rounds, monotonic=clock)
    worker.start()
    _idle(worker, clock)
    rounds.hold()
    first = worker.want()
    assert rounds.entered.wait(_SOON)
    numbers = {worker.want() for _ in range(10)}
    assert numbers == {first}
    assert not worker.wait(first, 0.05)
    rounds.gate.set()
    assert worker.wait(first, _SOON)
    assert rounds.begun == 2


def test_who_asks_just_after_a_round_gets_that_one(make: Make, clock: Clock) -> None:
    """A second scraper a moment later costs nothing; one that comes later costs a round."""
    rounds = Rounds()
    worker = make(rounds, monotonic=clock)
    worker.start()
    _idle(worker, clock)
    assert worker.wait(worker.want(), _SOON)
    clock.pass_by(_RECENT * 0.9)
    assert worker.wait(worker.want(), 0.0)
    assert rounds.begun == 2
    clock.pass_by(_RECENT * 0.2)
    number = worker.want()
    assert number == 3
    assert worker.wait(number, _SOON)


def test_waiting_ends_when_the_time_is_over(make: Make) -> None:
    """Also when it is over before it begins."""
    rounds = Rounds()
    rounds.hold()
    worker = make(rounds)
    worker.start()
    assert rounds.entered.wait(_SOON)
    for seconds in (0.1, 0.0, -5.0):
        began = time.monotonic()
        assert not worker.wait(1, seconds)
        assert time.monotonic() - began < _SOON
    rounds.gate.set()


def test_a_stopped_worker_makes_nobody_wait(make: Make, clock: Clock) -> None:
    """Neither who asks after the stop, nor who has asked before and will not be served."""
    rounds = Rounds()
    worker = make(rounds, monotonic=clock)
    worker.start()
    _idle(worker, clock)
    worker.stop()
    worker.join(_SOON)
    began = time.monotonic()
    assert worker.wait(worker.want(), _LONG)
    assert rounds.begun == 1
    assert time.monotonic() - began < _SOON


def test_a_stop_wakes_who_waits_for_a_round_that_will_not_come(make: Make) -> None:
    """The scrape that asks at the moment of a reload is answered from what is known."""
    worker = make(Rounds())  # not started: as between asking and the beginning of a round
    answers: list[bool] = []
    number = worker.want()  # before the stop, whenever the thread comes to wait for it
    waiting = threading.Thread(target=lambda: answers.append(worker.wait(number, _LONG)))
    waiting.start()
    began = time.monotonic()
    worker.stop()
    waiting.join(_SOON)
    assert answers == [False]
    assert time.monotonic() - began < _SOON


def test_a_stop_does_not_hide_the_round_that_runs(make: Make) -> None:
    """Who shares it may still wait for its end."""
    rounds = Rounds()
    rounds.hold()
    worker = make(rounds)
    number = worker.want()
    worker.start()
    assert rounds.entered.wait(_SOON)
    worker.stop()
    assert not worker.wait(number, 0.05)
    rounds.gate.set()
    assert worker.wait(number, _SOON)


def test_a_round_that_breaks_ends_no_thread(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, it counts as asked, and the next one comes."""
    rounds = Rounds()
    rounds.error = ValueError("out of the blue")
    worker = make(rounds, 0.05)
    worker.start()
    assert worker.wait(2, _SOON)
    assert worker.is_alive()
    rounds.error = None
    # The round that runs now may have met the error; the one after it has not.
    assert worker.wait(worker.want() + 2, _SOON)
    assert rounds.ended
    assert "worker test broke" in caplog.text


def test_a_slow_round_delays_only_itself(make: Make) -> None:
    """The others go on at their own pace."""
    slow, quick = Rounds(), Rounds()
    slow.hold()
    stuck, free = make(slow, 0.05), make(quick, 0.05)
    stuck.start()
    free.start()
    assert slow.entered.wait(_SOON)
    assert free.wait(5, _SOON)
    assert slow.begun == 1
    slow.gate.set()


def test_it_closes_once_in_its_own_thread(make: Make) -> None:
    """After the last round: a request may be in flight until then."""
    rounds, closed = Rounds(), list[tuple[int, int]]()
    rounds.hold()
    worker = make(rounds, close=lambda: closed.append((threading.get_ident(), len(rounds.ended))))
    worker.start()
    assert rounds.entered.wait(_SOON)
    worker.stop()
    worker.stop()
    assert not closed
    rounds.gate.set()
    worker.join(_SOON)
    assert closed == [(worker.ident, 1)]


def test_one_that_is_stopped_before_it_starts_closes_too(make: Make) -> None:
    """And makes no round."""
    rounds, closed = Rounds(), list[int]()
    worker = make(rounds, close=lambda: closed.append(1))
    worker.stop()
    worker.start()
    worker.join(_SOON)
    assert (rounds.begun, closed) == (0, [1])


def test_a_close_that_breaks_is_said(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """In one line of ours, not in the interpreter's own words."""

    def fail() -> None:
        raise ValueError("cannot")

    worker = make(Rounds(), close=fail)
    worker.start()
    worker.stop()
    worker.join(_SOON)
    assert "worker test did not close" in caplog.text


def test_nobody_who_waited_gets_old_news(make: Make, clock: Clock) -> None:
    """However many ask at once, and whenever: what they get is of now, and rounds are few."""
    rounds = Rounds()
    chance = random.Random(7)
    times = [0.0]

    def run() -> None:
        time.sleep(chance.choice((0.0, 0.001, 0.01)))
        rounds()
        times.append(clock())

    worker = make(run, monotonic=clock)
    worker.start()
    old: list[float] = []

    def ask(seed: int) -> None:
        own = random.Random(seed)
        for _ in range(40):
            began = clock()
            assert worker.wait(worker.want(), _SOON)
            old.append(began - times[-1])
            pause = own.choice((0.0, 0.01, _LONGEST_PAUSE))
            time.sleep(pause)
            clock.pass_by(pause)

    askers = [threading.Thread(target=ask, args=(seed,)) for seed in range(_ASKERS)]
    for thread in askers:
        thread.start()
    for thread in askers:
        thread.join()
    assert len(old) == _ASKERS * 40
    # Between a round's last line and its end each asker may let time pass once. Were a round
    # not made for who asks, the last one would be that of the beginning.
    assert max(old) < _RECENT + _ASKERS * _LONGEST_PAUSE
    assert rounds.begun < len(old) / 2
