"""Histories of the bot's orders: how many are asked for, whose turn it is, what a failure means."""

import json
from pathlib import Path

import pytest

from exporter.errors import Reason, SourceError
from exporter.readings import PositionState
from tests.collectors.looks import order
from tests.sources.bots import write
from tests.watches.account_desk import Desk

PENDING, MISMATCH, UNKNOWN = PositionState.PENDING, PositionState.MISMATCH, PositionState.UNKNOWN


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A bot and an account that agree."""
    return Desk(tmp_path)


def _differ(desk: Desk, count: int) -> None:
    """Have the bot believe in that many positions that nobody holds."""
    symbols = [f"S{number}USDT" for number in range(count)]
    write(desk.root, "state/positions.json", json.dumps(dict.fromkeys(symbols, "1")))
    desk.venue.positions_held = ()


def test_only_a_few_histories_are_asked_for_in_one_look(desk: Desk) -> None:
    """Each costs the bot's own budget."""
    desk.round()
    _differ(desk, 9)
    desk.round()
    looks = desk.venue.asked.count("account") + desk.venue.asked.count("positions")
    assert desk.venue.asked.count("orders") == 3 * looks


def test_every_suspect_gets_its_turn_and_is_settled(desk: Desk) -> None:
    """However many there are: six in the first round, the others in the next, and for good."""
    desk.round()
    _differ(desk, 9)
    first, second, third = (desk.round() for _ in range(3))
    assert (first.count(MISMATCH), first.count(PENDING)) == (6, 3)
    assert second.count(MISMATCH) == third.count(MISMATCH) == 9
    assert not desk.time.waits, "mismatches that are known take one look"
    assert desk.venue.asked.count("orders") == 3


def test_a_suspect_that_never_rests_holds_no_other_one_up(desk: Desk) -> None:
    """Its turn ends, too."""
    desk.round()
    _differ(desk, 5)
    desk.venue.resting = tuple(
        order(symbol=f"S{number}USDT", status="PENDING_CANCEL") for number in range(3)
    )
    counts = [desk.round().count(MISMATCH) for _ in range(3)]
    assert counts[-1] == 2


def test_a_certain_mismatch_whose_turn_is_over_still_ends_with_an_order(desk: Desk) -> None:
    """What can be seen without its history counts at once, and then its history is asked for."""
    desk.round()
    _differ(desk, 9)
    for _ in range(3):
        desk.round()
    desk.venue.resting = tuple(order(symbol=f"S{number}USDT") for number in range(9))
    assert desk.round().count(MISMATCH) == 9
    assert sum(desk.time.waits) >= 5, "the grace"
    assert desk.venue.asked.count("orders") >= 3 + 9, "all of them after that"


@pytest.mark.parametrize("what", ["positions", "orders", "fills"])
def test_a_budget_that_runs_out_while_looking_leaves_it_pending(desk: Desk, what: str) -> None:
    """What was seen stands, and the next round goes on from there."""
    desk.round()
    desk.believe("0.500")
    desk.venue.errors[what] = SourceError(Reason.BUDGET, "used up")
    assert desk.position().state is PENDING
    assert desk.watch.account.health().up
    desk.venue.errors.clear()
    assert desk.position().state is MISMATCH


def test_a_history_that_cannot_be_read_makes_it_unknown(desk: Desk) -> None:
    """It can be neither excused nor accused."""
    desk.round()
    desk.believe("0.500")
    desk.venue.errors["orders"] = SourceError(Reason.TIMEOUT, "2.5 s")
    assert desk.position().state is UNKNOWN
