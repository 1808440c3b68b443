"""Counters that only rise, whatever the readings do."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from exporter.readings import ExitKind, OomEvidence, ProcessReading
from exporter.tallies import OomCounter, RestartCounter

_A, _B, _C = (4711, 10.0), (4712, 20.0), (4711, 30.0)


def _process(
    *births: tuple[int, float], restarts: int | None = None, start: float | None = None
) -> ProcessReading:
    return ProcessReading(
        up=bool(births),
        pids=tuple(pid for pid, _ in births),
        dry_run_pids=(),
        start_time=start,
        last_exit=ExitKind.RUNNING,
        detail="",
        restarts=restarts,
        births=births,
    )


def _restarts(*readings: ProcessReading) -> int:
    counter = RestartCounter()
    for reading in readings:
        counter.see(reading)
    return counter.total


def test_another_process_is_a_restart() -> None:
    """With or without a time in which there was none; the same pid again counts, too."""
    assert _restarts(_process(_A)) == 0
    assert _restarts(_process(_A), _process(_B)) == 1
    assert _restarts(_process(_A), _process(), _process(_C)) == 1


def test_a_clock_step_is_none() -> None:
    """The start time moves with the clock; the birth since boot does not."""
    assert _restarts(_process(_A, start=1000.0), _process(_A, start=4600.0)) == 0


def test_a_first_start_is_none() -> None:
    """Nothing was there to be replaced."""
    assert _restarts(_process(), _process(_A)) == 0


def test_a_second_bot_beside_the_first_replaces_nothing() -> None:
    """Nor does it when it is gone again; that it was there is another metric's matter."""
    assert _restarts(_process(_A), _process(_A, _B), _process(_B), _process(_B)) == 0


def test_systemd_knows_of_those_between_two_looks() -> None:
    """Three in five seconds are three."""
    assert _restarts(_process(_A, restarts=0), _process(_B, restarts=3)) == 3


def test_systemd_and_the_new_process_are_one_restart() -> None:
    """Whichever is seen first."""
    first = _process(_A, restarts=0)
    assert _restarts(first, _process(restarts=1), _process(_B, restarts=1)) == 1
    assert _restarts(first, _process(_B, restarts=0), _process(_B, restarts=1)) == 1


def test_systemds_count_begins_anew_with_a_start_by_hand() -> None:
    """A fall is no negative restart."""
    seen = (_process(_A, restarts=4), _process(_B, restarts=0), _process(_C, restarts=1))
    assert _restarts(*seen) == 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from([(), (_A,), (_B,), (_C,), (_A, _B)]),
            st.none() | st.integers(0, 5),
        )
    )
)
def test_restarts_only_rise(
    steps: list[tuple[tuple[tuple[int, float], ...], int | None]],
) -> None:
    """Whatever is read, in whatever order."""
    counter, before = RestartCounter(), 0
    for births, restarts in steps:
        counter.see(_process(*births, restarts=restarts))
        assert counter.total >= before
        before = counter.total


def _oom_kills(*looks: OomEvidence) -> int:
    counter = OomCounter()
    for look in looks:
        counter.see(look)
    return counter.total


_CALM = OomEvidence((_A,), "bot#1", 0)


def test_a_cgroups_counter_is_followed() -> None:
    """Also while it cannot be read for a moment."""
    killed = OomEvidence((_A,), "bot#1", 1)
    assert _oom_kills(_CALM, killed, killed) == 1
    assert _oom_kills(_CALM, OomEvidence((_A,)), killed) == 1


def test_what_was_before_the_first_look_is_history() -> None:
    """An exporter that starts late must not raise an alarm."""
    assert _oom_kills(OomEvidence((_A,), "bot#1", 7, "run 1"), OomEvidence((_A,), "bot#1", 7)) == 0


def test_a_new_cgroup_begins_at_zero() -> None:
    """Its kills are all news, however many the last one had."""
    had = OomEvidence((_A,), "bot#1", 2)
    assert _oom_kills(had, OomEvidence((_B,), "bot#2", 0)) == 0
    assert _oom_kills(had, OomEvidence((_B,), "bot#2", 2)) == 2


def test_three_witnesses_of_one_kill_are_one_kill() -> None:
    """They tell at different times: the log, the cgroup, then systemd."""
    looks = (
        OomEvidence((), "bot#1", 0, None, 1),
        OomEvidence((), "bot#1", 1),
        OomEvidence((), None, None, "run 1"),
    )
    for end in range(1, 4):
        assert _oom_kills(_CALM, *looks[:end]) == 1


def test_systemds_verdict_counts_once_for_each_run() -> None:
    """It is repeated at each look until the next start."""
    first, second = OomEvidence((), unit_run="run 1"), OomEvidence((), unit_run="run 2")
    assert _oom_kills(_CALM, first, first) == 1
    assert _oom_kills(_CALM, first, OomEvidence((_B,)), second, second) == 2


def test_a_restart_before_the_next_look_hides_nothing() -> None:
    """The log's line is about the old process, the reading already about the new one."""
    assert _oom_kills(_CALM, OomEvidence((_B,), "bot#2", 0, None, 1)) == 1


@dataclass(frozen=True)
class _Life:
    """One run: how many of its processes are killed, and which witnesses could see it."""

    kills: int
    cgroup: bool
    systemd: bool
    log: bool


_LIVES = st.lists(
    st.builds(_Life, st.integers(0, 4), st.booleans(), st.booleans(), st.booleans()), max_size=8
)


@given(_LIVES)
def test_never_more_than_happened_and_all_that_a_full_witness_saw(lives: list[_Life]) -> None:
    """For any run of the bot and any blindness; each run ends, the last kill being the bot's."""
    counter = OomCounter()
    counter.see(OomEvidence(()))
    happened = seen = 0
    for number, life in enumerate(lives):
        births = ((100 + number, float(number)),)
        group = f"bot#{number}" if life.cgroup else None
        for kills in range(life.kills + 1):
            last = kills == life.kills
            counter.see(
                OomEvidence(
                    births=() if last and kills else births,
                    cgroup=group,
                    cgroup_kills=kills if group else None,
                    unit_run=f"run {number}" if life.systemd and last and kills else None,
                    log_kills=int(life.log and kills > 0),
                )
            )
            happened += kills > 0
        full = life.cgroup or life.log
        seen += life.kills if full else int(life.systemd and life.kills > 0)
        assert seen == counter.total <= happened


@given(
    st.lists(
        st.builds(
            OomEvidence,
            st.sampled_from([(), (_A,), (_B,)]),
            st.none() | st.sampled_from(["bot#1", "bot#2"]),
            st.none() | st.integers(0, 5),
            st.none() | st.sampled_from(["run 1", "run 2"]),
            st.integers(0, 2),
        )
    )
)
def test_kills_only_rise(looks: list[OomEvidence]) -> None:
    """Counters that reset, vanish and come back must not take anything back."""
    counter, before = OomCounter(), 0
    for look in looks:
        counter.see(look)
        assert counter.total >= before
        before = counter.total
