"""What has never been compared is a setting to make; what was known and is lost is neither."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import position_mismatch
from exporter.readings import (
    AccountReading,
    Comparison,
    Position,
    PositionGap,
    PositionsFileReading,
)
from exporter.snapshot import BotSnapshot
from tests.collectors.looks import RULES
from tests.collectors.snapshots import NOW, healthy, samples
from tests.sources.bots import make_bot

_FILE = "state/positions.json"
_UNKNOWN = Comparison((), "the bot's positions cannot be read", None, 1.0, judged=NOW)
_FLAT = AccountReading((), ())
_HELD = Decimal("0.010")
_HOLDING = AccountReading((Position("usdm", "BTCUSDT", "BOTH", _HELD),), ())
_OWN = PositionsFileReading({"BTCUSDT": _HELD}, NOW)


def _bot(
    name: str = "alpha", role: str | None = "exporter", venue: Any = None, **changes: Any
) -> BotSnapshot:
    """Return a bot that has never written a file, on an account that is flat."""
    key = {"env_file": "/etc/keys", "key": "KEY", "secret": "SECRET"}
    venue = {
        "kind": "binance_usdm",
        "base_url": "http://127.0.0.1:9",
        "credentials": {} if role is None else {role: key},
        **(venue or {}),
    }
    never: dict[str, Any] = {
        "bot": make_bot(Path("/opt") / name, name=name, venue=venue),
        "positions": None,
        "file_valid": {},
        "account": _FLAT,
        "comparison": _UNKNOWN,
    }
    return healthy(**{**never, **changes})


def _gaps(*bots: BotSnapshot, bot: str = "") -> set[str]:
    """Return the gaps of a bot; of alpha, whose name samples leave out, unless said otherwise."""
    whose = f'bot="{bot}",' if bot else ""
    found = samples(position_mismatch, *bots)
    gaps = {gap: found[f'position_gap{{{whose}gap="{gap}"}}'] for gap in PositionGap}
    return {gap.value for gap, value in gaps.items() if value}


@pytest.mark.parametrize("role", ["exporter", "bot"])
def test_a_bot_that_never_traded_waits_for_its_first_trade(role: str) -> None:
    """Its positions are unknown all the same."""
    item = _bot(role=role)
    assert _gaps(item) == {"no_file"}
    assert samples(position_mismatch, item)['positions{state="unknown"}'] == 1


@pytest.mark.parametrize("role", [None, "remediation"])
def test_without_a_key_for_it_the_account_is_never_read(role: str | None) -> None:
    """The remediation's key is not the exporter's to use."""
    item = _bot(role=role, comparison=None, account=None)
    assert _gaps(item) == {"no_key"}
    assert samples(position_mismatch, item)['positions{state="unknown"}'] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"account": _HOLDING},
        {"account": None},
        {"comparison": None, "account": None},
        {"file_valid": {_FILE: False}},
        {"file_valid": {_FILE: True}, "positions": _OWN, "account": _HOLDING},
        {"comparison": Comparison((), "", 1.0, 1.0, judged=NOW)},
    ],
    ids=["positions", "no account", "nothing", "lost file", "both sides", "compared"],
)
def test_what_was_known_or_may_be_wrong_is_no_gap(changes: dict[str, Any]) -> None:
    """An open position without a file, a file that is gone, an account that does not answer."""
    assert _gaps(_bot(**changes)) == set()


def test_nothing_is_claimed_before_the_first_look() -> None:
    """A file that was not looked for has not been missed."""
    found = samples(position_mismatch, _bot(polled=False, comparison=None))
    assert not [name for name in found if name.startswith("position")]


def test_a_new_bot_on_a_shared_account_is_no_loss_to_the_others() -> None:
    """As long as the files that are there explain what the account holds."""
    old = _bot("beta", file_valid={_FILE: True}, positions=_OWN, account=_HOLDING)
    new = _bot(account=_HOLDING)
    assert _gaps(new, old) == {"no_file"}
    assert _gaps(new, old, bot="beta") == {"no_file"}
    more = AccountReading((Position("usdm", "BTCUSDT", "BOTH", _HELD * 2),), ())
    both = (
        _bot(account=more),
        _bot("beta", file_valid={_FILE: True}, positions=_OWN, account=more),
    )
    assert _gaps(*both, bot="beta") == set()
    lost = _bot("beta", file_valid={_FILE: False}, account=_FLAT)
    assert _gaps(_bot(), lost) == set()


@pytest.mark.parametrize(
    ("symbols", "coins", "gaps"),
    [
        (["BTCUSDT"], "0", {"no_file"}),
        (["BTCUSDT"], "5", set()),
        (["ETHUSDT"], "5", {"no_file"}),
        ([], "0", set()),
    ],
    ids=["flat", "holds what it trades", "holds something else", "trades nobody knows what"],
)
def test_a_spot_account_that_holds_the_bots_coins_has_lost_a_file(
    symbols: list[str], coins: str, gaps: set[str]
) -> None:
    """Where no baseline says that they are something else's."""
    balances = (
        Position("spot", "BTC", "BOTH", Decimal(coins)),
        Position("spot", "USDT", "BOTH", Decimal(900)),
    )
    venue = {"kind": "binance_spot", "symbols": symbols}
    assert _gaps(_bot(venue=venue, account=AccountReading(balances, ()), rules=RULES)) == gaps
