"""When an exchange is in maintenance: signs, their opposites, and rounds that prove nothing."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason
from exporter.maintenance import ANSWERS_TO_LEAVE, ERRORS_TO_ENTER, MaintenanceJudge, Signs
from exporter.readings import (
    Cause,
    ExchangeStatus,
    MaintenanceReading,
    NetworkFault,
    NetworkReading,
    SymbolRules,
)

_NORMAL = ExchangeStatus(maintenance=False, message="normal")
_DOWN = ExchangeStatus(maintenance=True, message="system_maintenance")
_OK: tuple[Reason | None, ...] = (None, None, None)
_ERRORS = (Reason.SERVER_ERROR, Reason.OVERLOADED, Reason.MAINTENANCE)


def _network(fault: NetworkFault = NetworkFault.NONE, others: bool | None = True) -> NetworkReading:
    return NetworkReading(fault=fault, stages=(), others_reachable=others, gateway=True, detail="")


def _rules(*statuses: str) -> tuple[SymbolRules, ...]:
    zero = Decimal(0)
    return tuple(
        SymbolRules(f"S{n}USDT", status, f"S{n}", "USDT", zero, zero, zero, zero)
        for n, status in enumerate(statuses)
    )


def _signs(**changes: Any) -> Signs:
    calm: dict[str, Any] = {
        "status": _NORMAL,
        "rules": _rules("TRADING"),
        "outcomes": _OK,
        "shutdown_announced": False,
        "stream_lost": False,
        "network": _network(),
        "scheduled": False,
        "next_start": None,
    }
    return Signs(**{**calm, **changes})


def _failing(outcomes: Sequence[Reason | None] = _ERRORS, **changes: Any) -> Signs:
    network = _network(NetworkFault.SERVER)
    return _signs(**{"status": None, "outcomes": outcomes, "network": network, **changes})


def _judge(*rounds: Signs) -> MaintenanceReading | None:
    judge = MaintenanceJudge()
    for signs in rounds[:-1]:
        judge.judge(signs)
    return judge.judge(rounds[-1])


def _causes(*rounds: Signs) -> frozenset[Cause]:
    reading = _judge(*rounds)
    assert reading is not None
    return reading.causes


def test_all_is_well() -> None:
    """The venue says so, in its own words."""
    reading = _judge(_signs())
    assert reading == MaintenanceReading(
        active=False, causes=frozenset(), message="normal", scheduled=False, next_start=None
    )


def test_the_venues_own_word_counts_at_once() -> None:
    """Both ways, even while requests go on failing."""
    assert _causes(_signs(status=_DOWN)) == {Cause.STATUS}
    assert _causes(_signs(status=_DOWN), _signs()) == set()


def test_a_halted_symbol_of_the_bot_counts_at_once() -> None:
    """And no longer once it trades again; unknown rules prove nothing."""
    halted = _signs(rules=_rules("TRADING", "BREAK"))
    reading = _judge(halted)
    assert reading is not None
    assert reading.causes == {Cause.SYMBOL}
    assert reading.message == "S1USDT is BREAK"
    assert _causes(halted, _signs(rules=None)) == {Cause.SYMBOL}
    assert _causes(halted, _signs(rules=_rules("TRADING", "TRADING"))) == set()


@pytest.mark.parametrize(
    ("outcomes", "active"),
    [
        (_ERRORS, True),
        ((None, *_ERRORS), True),
        ((*_ERRORS, None), True),
        ((*_ERRORS, None, None), False),
        ((Reason.SERVER_ERROR, Reason.TIMEOUT, Reason.OVERLOADED, Reason.SERVER_ERROR), True),
        ((Reason.SERVER_ERROR, Reason.SERVER_ERROR), False),
        ((Reason.SERVER_ERROR, None, Reason.SERVER_ERROR, Reason.SERVER_ERROR), False),
        ((Reason.SERVER_ERROR, Reason.REJECTED, *_ERRORS[:2]), False),
        ((Reason.TIMEOUT,) * 5, False),
        ((Reason.BANNED,) * 5, False),
        ((Reason.HTTP_STATUS,) * 5, False),
    ],
)
def test_server_errors_in_a_row(outcomes: Sequence[Reason | None], active: bool) -> None:
    """Three; an answer in between begins anew, a timeout does not count at all."""
    reading = _judge(_failing(outcomes, status=_NORMAL))
    assert reading is not None
    assert reading.active is active
    assert reading.causes == ({Cause.ERRORS} if active else set())


@pytest.mark.parametrize(
    "network",
    [
        None,
        _network(others=False),
        _network(NetworkFault.LOCAL, others=False),
        _network(NetworkFault.PROXY),
        _network(NetworkFault.DNS),
        _network(NetworkFault.FIREWALL),
    ],
)
def test_errors_count_only_while_the_internet_is_healthy(network: NetworkReading | None) -> None:
    """A broken way produces error pages, too: then nothing is known."""
    assert _judge(_failing(network=network)) is None


def test_it_takes_answers_in_a_row_to_leave() -> None:
    """One between errors is luck."""
    assert _causes(_failing(), _failing((Reason.SERVER_ERROR, None))) == {Cause.ERRORS}
    assert _causes(_failing(), _failing((None, Reason.SERVER_ERROR, None))) == {Cause.ERRORS}
    assert _causes(_failing(), _signs(outcomes=(Reason.SERVER_ERROR, None, None))) == set()


def test_an_announced_shutdown_counts_only_with_trouble() -> None:
    """One server of many is replaced every day; it is maintenance if nobody takes over."""
    assert _causes(_signs(shutdown_announced=True)) == set()
    trouble = _failing((Reason.SERVER_ERROR,), shutdown_announced=True)
    assert _causes(trouble) == {Cause.STREAM}
    refused = _network(NetworkFault.REFUSED)
    gone = _signs(status=None, outcomes=(Reason.REFUSED,), shutdown_announced=True, network=refused)
    assert _causes(gone) == {Cause.STREAM}
    assert _causes(gone, _signs()) == set()
    lost = _signs(shutdown_announced=True, stream_lost=True)
    assert _causes(lost) == {Cause.STREAM}
    assert _causes(lost, _signs(shutdown_announced=True)) == set()


def test_a_window_is_context() -> None:
    """It joins other causes, and is none."""
    window: dict[str, Any] = {"scheduled": True, "next_start": 5.0}
    reading = _judge(_signs(**window))
    assert reading is not None
    assert (reading.active, reading.causes) == (False, frozenset())
    assert (reading.scheduled, reading.next_start) == (True, 5.0)
    assert _causes(_failing(**window)) == {Cause.ERRORS, Cause.WINDOW}
    assert _judge(_signs(status=None, outcomes=(), **window)) is None


def test_what_was_seen_stands_until_disproved() -> None:
    """While the exchange alone is silent. When we see nothing at all, we say nothing."""
    silent = _signs(
        status=None, rules=None, outcomes=(Reason.TIMEOUT,), network=_network(NetworkFault.TIMEOUT)
    )
    assert _causes(_failing(), silent) == {Cause.ERRORS}
    blind = _signs(
        status=None,
        rules=None,
        outcomes=(Reason.DNS,),
        network=_network(NetworkFault.LOCAL, others=False),
    )
    assert _judge(_failing(), blind) is None
    assert _causes(_failing(), blind, silent) == {Cause.ERRORS}
    alone = _signs(
        status=None,
        rules=None,
        outcomes=(Reason.TIMEOUT,),
        network=_network(NetworkFault.TIMEOUT, others=None),
    )
    assert _judge(_failing(), alone) is None


_SIGNS = st.builds(
    Signs,
    status=st.sampled_from([None, _NORMAL, _DOWN]),
    rules=st.sampled_from([None, (), _rules("TRADING"), _rules("TRADING", "HALT")]),
    outcomes=st.lists(st.sampled_from([None, *Reason]), max_size=8),
    shutdown_announced=st.booleans(),
    stream_lost=st.booleans(),
    network=st.none()
    | st.builds(_network, st.sampled_from(NetworkFault), st.sampled_from([None, True, False])),
    scheduled=st.booleans(),
    next_start=st.just(None),
)


@given(st.lists(_SIGNS, min_size=1, max_size=6))
def test_any_history(rounds: list[Signs]) -> None:
    """What holds after every round, whatever happened before."""
    judge = MaintenanceJudge()
    for signs in rounds:
        reading = judge.judge(signs)
        halted = any(not rule.tradable for rule in signs.rules or ())
        down = signs.status is not None and signs.status.maintenance
        if down or halted:
            assert reading is not None, "a clear sign counts at once"
            assert reading.active
        if reading is None:
            continue
        assert reading.active is bool(reading.causes)
        assert reading.causes != {Cause.WINDOW}
        assert reading.scheduled is signs.scheduled
        assert (Cause.WINDOW in reading.causes) is (reading.active and signs.scheduled)
        if not reading.active:
            assert signs.status == _NORMAL, "never in order without the venue's word"


@given(st.lists(_SIGNS, max_size=6))
def test_a_calm_round_always_ends_it(rounds: list[Signs]) -> None:
    """Cleared within one interval, whatever was before."""
    outcomes = (None,) * ANSWERS_TO_LEAVE
    reading = _judge(*rounds, _signs(outcomes=outcomes))
    assert reading is not None
    assert not reading.active


@given(st.lists(_SIGNS, max_size=6), st.lists(st.sampled_from(_ERRORS), min_size=ERRORS_TO_ENTER))
def test_errors_always_begin_it(rounds: list[Signs], errors: list[Reason]) -> None:
    """Shown within one interval, whatever was before."""
    reading = _judge(*rounds, _failing(errors))
    assert reading is not None
    assert Cause.ERRORS in reading.causes
