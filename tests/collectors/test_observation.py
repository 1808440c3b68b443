"""Values age and vanish; health stays."""

import pytest

from exporter.errors import Reason, SourceError
from exporter.observation import Observation, Requests
from exporter.snapshot import LATENCY_BUCKETS
from exporter.sources.exchange import Request


class Clock:
    """Time that only the test moves."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def _fail() -> int:
    raise SourceError(Reason.TIMEOUT, "no answer")


def _observation() -> tuple[Observation[int], Clock]:
    clock = Clock()
    return Observation("x", 30, wall=lambda: 1000 + clock.now, monotonic=clock), clock


def test_a_value_vanishes_when_it_is_too_old_and_health_stays() -> None:
    """Nothing stale is ever served."""
    seen, clock = _observation()
    assert seen.fresh() is None
    seen.ask(lambda: 7)
    assert seen.fresh() == 7
    assert seen.health().up
    clock.now += 31
    assert seen.fresh() is None
    assert not seen.health().up
    assert seen.health().last_success == 1100


def test_one_failure_marks_it_down_but_keeps_a_young_value() -> None:
    """A lost packet is not a gap in the graph; a local file's failure is."""
    seen, clock = _observation()
    seen.ask(lambda: 7)
    clock.now += 10
    assert seen.ask(_fail) is None
    assert seen.fresh() == 7
    assert seen.current() is None
    health = seen.health()
    assert not health.up
    assert health.last_attempt == 1110
    assert health.failures == {Reason.TIMEOUT: 1}


def test_an_attempt_may_have_begun_before() -> None:
    """One that only sums up: its time is that of the first question."""
    seen, clock = _observation()
    since = seen.now()
    clock.now += 5
    seen.ask(lambda: 7, since=since)
    (attempt,) = seen.health().attempts
    assert (attempt.time, attempt.seconds) == (1100, 5)
    assert seen.health().last_attempt == 1100
    assert seen.health().last_success == 1105


def test_what_is_remembered_is_the_failure_and_not_its_frames() -> None:
    """They hold what was being read; and each who is told may raise it anew."""
    seen, _ = _observation()
    seen.ask(_fail)
    one, other = seen.problem(), seen.problem()
    assert one is not None
    assert other is not None
    assert one is not other
    assert (one.__traceback__, one.__context__, one.__cause__) == (None, None, None)
    assert str(one) == "timeout: no answer"
    seen.ask(lambda: 7)
    assert seen.problem() is None


def test_old_attempts_are_forgotten() -> None:
    """Failures are kept longer than successes, in order; neither adds up."""
    seen, clock = _observation()
    for number in range(100):
        clock.now += 1
        seen.ask(_fail if number % 4 == 0 else lambda: 7)
    attempts = seen.health().attempts
    assert [one.time for one in attempts] == sorted(one.time for one in attempts)
    assert sum(one.ok for one in attempts) == 5
    assert sum(not one.ok for one in attempts) == 20
    assert seen.health().failures == {Reason.TIMEOUT: 25}


def test_an_unforeseen_exception_is_an_internal_failure() -> None:
    """The thread that asks goes on."""
    seen, _ = _observation()
    seen.ask(lambda: 1 // 0)
    assert seen.health().failures == {Reason.INTERNAL: 1}


def test_it_logs_changes_not_repetitions(caplog: pytest.LogCaptureFixture) -> None:
    """An outage is two lines however long it lasts."""
    seen, _ = _observation()
    caplog.set_level("INFO")
    for read in (lambda: 7, _fail, _fail, _fail, lambda: 8, lambda: 9):
        seen.ask(read)
    assert [record.getMessage() for record in caplog.records] == [
        "source x failed: timeout: no answer",
        "source x answers again",
    ]


def test_only_successes_are_timed() -> None:
    """A timeout's duration says nothing about the exchange's speed."""
    requests = Requests()
    requests.observe(Request("ping", 0.02, None))
    requests.observe(Request("ping", 99.0, None))
    requests.observe(Request("ping", 2.5, Reason.TIMEOUT))
    latency = requests.latency()["ping"]
    assert latency.counts[LATENCY_BUCKETS.index(0.025)] == 1
    assert latency.counts[-1] == 1
    assert sum(latency.counts) == 2
    assert requests.failures() == {("ping", Reason.TIMEOUT): 1}
