"""One round of the account: how often it looks, when it waits, what a failure means."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from exporter.config import ExporterSettings
from exporter.errors import Reason, SourceError
from exporter.readings import Position, PositionState
from exporter.watches.account import AccountWatch
from tests.collectors.looks import fill, order
from tests.sources.bots import make_bot, write
from tests.watches.account_desk import Desk

MATCH, PENDING, MISMATCH, UNKNOWN = (
    PositionState.MATCH,
    PositionState.PENDING,
    PositionState.MISMATCH,
    PositionState.UNKNOWN,
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A bot and an account that agree."""
    return Desk(tmp_path)


def test_agreement_takes_one_look(desk: Desk) -> None:
    """The cheapest case is the usual one."""
    assert desk.position().state is MATCH
    assert desk.venue.asked == ["open", "account"]
    assert desk.position().state is MATCH
    assert desk.venue.asked == ["account"]
    assert not desk.time.waits


def test_a_mismatch_shows_and_clears_within_one_round(desk: Desk) -> None:
    """It is looked at until it is certain, and believed gone at the first look."""
    desk.round()
    desk.believe("0.500")
    assert desk.position().state is MISMATCH
    assert sum(desk.time.waits) == pytest.approx(4.0)
    assert desk.venue.asked.count("account") == 1
    assert desk.venue.asked.count("positions") == 2
    assert desk.position().state is MISMATCH
    assert not desk.time.waits, "a mismatch that is known takes one look"
    desk.believe("0.010")
    assert desk.position().state is MATCH
    assert not desk.time.waits


def test_the_very_first_round_can_find_a_mismatch(desk: Desk) -> None:
    """Nobody had looked at the orders before, so it takes one look more."""
    desk.believe("0.500")
    assert desk.position().state is MISMATCH
    assert desk.venue.asked.count("positions") == 3


def test_a_difference_that_passes_is_no_mismatch(desk: Desk) -> None:
    """The bot writes its file a moment after the fill."""
    desk.round()
    desk.venue.hold("BTCUSDT", "0.025")
    desk.time.during = [lambda: desk.believe("0.025")]
    assert desk.position().state is MATCH
    assert len(desk.time.waits) == 1


def test_a_fresh_order_of_the_bot_is_waited_for(desk: Desk) -> None:
    """Grace first, then certainty, still within one round."""
    desk.round()
    desk.venue.hold("BTCUSDT", "0.025")
    filled_at = desk.time.wall + 29
    desk.venue.placed = (order(status="FILLED", created=filled_at, updated=filled_at),)
    assert desk.position().state is MISMATCH
    assert desk.time.waits[0] == pytest.approx(4.0), "one of five seconds of grace has passed"
    assert sum(desk.time.waits) == pytest.approx(8.0)


def test_a_fill_of_an_order_that_rested_long_is_waited_for(desk: Desk) -> None:
    """The order is old, its execution is new: only the executions tell."""
    desk.venue.resting = (order(),)
    desk.round()
    desk.believe("0.500")
    desk.time.during = [lambda: setattr(desk.venue, "executed", (fill(desk.time.wall),))]
    assert desk.position().state is MISMATCH
    assert max(desk.time.waits) == pytest.approx(5.0)


def test_a_bot_that_never_rests_stays_pending(desk: Desk) -> None:
    """And the round ends all the same."""
    desk.round()
    desk.believe("0.500")
    desk.venue.resting = (order(status="PENDING_CANCEL"),)
    assert desk.position().state is PENDING
    assert sum(desk.time.waits) < 20


def test_an_account_that_cannot_be_read_is_unknown(desk: Desk) -> None:
    """Both the source and the comparison say so; it is asked once more, and no further."""
    desk.round()
    desk.venue.errors["account"] = SourceError(Reason.TIMEOUT, "2.5 s")
    position = desk.position()
    assert position.state is UNKNOWN
    assert "timeout" in position.note
    assert desk.watch.account.problem() is not None
    assert desk.venue.asked == ["account", "account"]


def test_one_lost_packet_makes_nothing_unknown(desk: Desk) -> None:
    """The account is asked again at once."""
    desk.round()
    desk.venue.passing["account"] = SourceError(Reason.TIMEOUT, "2.5 s")
    assert desk.position().state is MATCH
    assert desk.watch.account.health().failures == {}


def test_a_budget_that_is_used_up_fails_the_round(desk: Desk) -> None:
    """Then the limit belongs to the bot, and we know nothing."""
    desk.venue.errors["account"] = SourceError(Reason.BUDGET, "used up")
    assert desk.position().state is UNKNOWN
    assert desk.watch.account.health().failures == {Reason.BUDGET: 1}


def test_what_failed_before_the_venue_came_back_is_asked_at_once(desk: Desk) -> None:
    """Once: neither what works nor what has failed since then is asked more often."""
    woken: list[str] = []
    desk.watch.recovery.wake = lambda: woken.append("account")
    desk.watch.venue_answers(float("-inf"))
    assert not woken, "nothing has been asked, so nothing has failed"
    desk.venue.errors["account"] = SourceError(Reason.REFUSED, "no")
    desk.round()
    desk.watch.venue_answers(desk.time.now - 5)
    assert not woken, "the venue answered and the account failed all the same"
    desk.watch.venue_answers(desk.time.now + 5)
    assert woken == ["account"]
    desk.round(after=6)
    desk.watch.venue_answers(desk.time.now - 1)
    assert woken == ["account"]
    desk.venue.errors.clear()
    desk.round()
    desk.watch.venue_answers(desk.time.now + 5)
    assert woken == ["account"]


@pytest.mark.parametrize("content", [None, '{"BTCUSDT": ', "[1]"])
def test_a_file_that_cannot_be_read_is_unknown(desk: Desk, content: str | None) -> None:
    """A lost or damaged file is not a flat bot; the account can be read all the same."""
    file = desk.root / "state/positions.json"
    file.unlink() if content is None else file.write_text(content)
    comparison = desk.round()
    assert "positions cannot be read" in comparison.reason
    assert comparison.count(UNKNOWN) == 1
    assert desk.watch.account.health().up


def test_bots_on_one_account_are_compared_together(tmp_path: Path) -> None:
    """What the other one holds is no difference, unless nobody can read what that is."""
    key = {"env_file": "/etc/keys", "key": "KEY", "secret": "SECRET"}
    venue = {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9"}
    other = make_bot(
        tmp_path / "other", name="other", venue={**venue, "credentials": {"exporter": key}}
    )
    write(tmp_path / "other", "state/positions.json", '{"ETHUSDT": "2", "BTCUSDT": "0.005"}')
    desk = Desk(tmp_path / "bot", sharing=(other,))
    desk.venue.positions_held = (
        Position("usdm", "BTCUSDT", "BOTH", Decimal("0.015")),
        Position("usdm", "ETHUSDT", "BOTH", Decimal(2)),
    )
    assert desk.position().state is MATCH
    write(tmp_path / "other", "state/positions.json", "{")
    comparison = desk.round()
    assert comparison.count(UNKNOWN) == 2
    assert "the positions of other, which shares the account, cannot be read" in comparison.reason


def test_rules_that_are_not_known_yet_make_a_difference_unknown(desk: Desk) -> None:
    """Whether it is more than a step cannot be told."""
    watch = AccountWatch(
        desk.bot, ExporterSettings(), desk.venue.open, lambda: None, timing=desk.time.timing
    )
    desk.believe("0.500")
    watch.round()
    comparison = watch.comparison.fresh()
    assert comparison is not None
    assert comparison.count(UNKNOWN) == 1


def test_a_refused_key_is_read_again_from_disk(desk: Desk) -> None:
    """It may have been replaced; whoever watches keys is told, and told when it works again."""
    desk.round()
    refusal = SourceError(Reason.KEY_REJECTED, "no", code=-2015)
    desk.venue.errors["account"] = refusal
    desk.round()
    write(desk.root, "key", "the new key")
    del desk.venue.errors["account"]
    desk.round()
    assert desk.heard == [None, refusal, None]
    assert desk.venue.closed == 1
    used = [key.key.reveal() for key in desk.venue.keys if key is not None]
    assert used == ["the key", "the new key"]


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.BUDGET, Reason.MAINTENANCE])
def test_other_failures_say_nothing_of_the_key(desk: Desk, reason: Reason) -> None:
    """The connection is kept, and nobody is told."""
    desk.venue.errors["account"] = SourceError(reason, "no")
    desk.round()
    assert (desk.heard, desk.venue.closed) == ([], 0)


def test_a_key_that_is_missing_is_looked_for_each_round(desk: Desk) -> None:
    """It may be on its way."""
    (desk.root / "key").unlink()
    assert desk.round().count(UNKNOWN) == 1
    assert desk.watch.account.health().failures == {Reason.NO_CREDENTIALS: 1}
    write(desk.root, "key", "the key")
    assert desk.position().state is MATCH


def test_without_a_key_nothing_is_asked(tmp_path: Path) -> None:
    """The owner did not configure one."""
    desk = Desk(tmp_path, credentials={})
    desk.watch.round()
    assert not desk.watch.has_account
    assert desk.watch.comparison.fresh() is None
    assert not desk.venue.asked


def test_old_values_are_forgotten(desk: Desk) -> None:
    """A watch that hangs must not go on saying that all is well."""
    desk.round()
    desk.time.now += 3 * 30 + 60
    assert desk.watch.account.fresh() is None
    assert desk.watch.comparison.fresh() is None


def test_the_exchanges_own_orders_are_remembered_while_it_differs(desk: Desk) -> None:
    """A forced close explains the mismatch for as long as it lasts."""
    desk.round()
    desk.venue.positions_held = ()
    closed_at = desk.time.wall + 20
    desk.venue.placed = (
        replace(order("adl_autoclose"), created=closed_at, updated=closed_at, status="FILLED"),
    )
    assert "adl_autoclose" in desk.position().note
    desk.venue.placed = ()
    assert "adl_autoclose" in desk.position().note
