"""Keys and other people's orders as metrics."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from exporter.collectors import api_key
from exporter.errors import Reason
from exporter.readings import AccountReading, KeyReading, KeyRestrictions
from tests.collectors.snapshots import NOW, healthy, order, samples
from tests.sources.bots import make_bot

_MAY = KeyRestrictions(
    can_trade=False, can_withdraw=False, ip_restricted=True, created=NOW - 60, expiry=NOW + 60
)
_GOOD = KeyReading("exporter", present=True, valid=True, reason=None, detail="", restrictions=_MAY)
_VENUE = {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9"}


def _found(*keys: KeyReading, **changes: Any) -> dict[str, float]:
    return samples(api_key, healthy(keys=keys, **changes))


def _of(name: str, found: dict[str, float], key: str = "exporter") -> float | None:
    return found.get(f'api_key_{name}{{key="{key}"}}')


def test_a_good_key_says_everything() -> None:
    """Present, valid, and what it may do."""
    found = _found(_GOOD)
    names = ("present", "asked", "valid", "can_trade", "can_withdraw", "ip_restricted", "shared")
    assert [_of(name, found) for name in names] == [1, 1, 1, 0, 0, 1, 0]
    assert _of("created_timestamp_seconds", found) == NOW - 60
    assert _of("expiry_timestamp_seconds", found) == NOW + 60
    problems = [value for name, value in found.items() if name.startswith("api_key_problem")]
    assert problems == [0, 0, 0, 0]


def test_a_refused_key_says_why() -> None:
    """One reason of the closed set is 1; what it may do is not known."""
    refused = replace(_GOOD, valid=False, reason=Reason.KEY_REJECTED, restrictions=None)
    found = _found(refused)
    assert _of("valid", found) == 0
    assert _of("can_withdraw", found) is None
    assert found['api_key_problem{key="exporter",reason="key_rejected"}'] == 1
    assert found['api_key_problem{key="exporter",reason="signature"}'] == 0


def test_a_missing_key_is_neither_valid_nor_invalid() -> None:
    """Nobody asked about it."""
    missing = KeyReading(
        "bot",
        present=False,
        valid=None,
        reason=Reason.NO_CREDENTIALS,
        detail="",
        restrictions=None,
    )
    found = _found(missing)
    assert _of("present", found, "bot") == 0
    assert _of("valid", found, "bot") is None
    assert found['api_key_problem{key="bot",reason="no_credentials"}'] == 1


def test_a_key_that_is_seen_and_cannot_be_read_is_not_asked_about() -> None:
    """It is there; whether it works, and whether others use it, is not known."""
    seen = replace(_GOOD, role="bot", valid=None, restrictions=None, asked=False)
    found = {name: value for name, value in _found(seen).items() if 'key="bot"' in name}
    assert found == {'api_key_present{key="bot"}': 1, 'api_key_asked{key="bot"}': 0}


def test_a_key_in_reach_that_cannot_be_used_is_an_open_question() -> None:
    """Asked about and neither valid nor invalid: that is what an alert waits for."""
    spoiled = replace(_GOOD, role="bot", valid=None, restrictions=None, shares_with=None)
    found = {name: value for name, value in _found(spoiled).items() if 'key="bot"' in name}
    assert found == {'api_key_present{key="bot"}': 1, 'api_key_asked{key="bot"}': 1}


def test_what_nobody_can_tell_is_absent() -> None:
    """A key that we may not look at, an exchange that did not answer, a venue that is silent."""
    unknown = replace(_GOOD, present=None, valid=None, restrictions=None, asked=False)
    assert {name: value for name, value in _found(unknown).items() if "key=" in name} == {
        'api_key_asked{key="exporter"}': 0
    }
    unanswered = replace(_GOOD, valid=None, reason=Reason.TIMEOUT, restrictions=None)
    assert _of("asked", _found(unanswered)) == 1
    assert _of("valid", _found(unanswered)) is None
    silent = KeyRestrictions(None, None, None, None, None)
    found = _found(replace(_GOOD, restrictions=silent))
    assert _of("can_withdraw", found) is None
    assert _of("expiry_timestamp_seconds", found) is None


def test_a_shared_key_shows_on_each_role() -> None:
    """One leak takes both."""
    shared = replace(_GOOD, shares_with=("bot",))
    assert _of("shared", _found(shared)) == 1


def test_thresholds_never_vanish() -> None:
    """Also without a key."""
    found = _found(account=None)
    assert found == {
        "api_key_max_age_threshold_seconds": 30 * 86400,
        "api_key_expiry_warn_threshold_seconds": 7 * 86400,
    }


def test_orders_of_strangers_and_of_the_exchange_itself() -> None:
    """Neither is the bot's; only strangers' are foreign."""
    resting = order("regular", "NEW")
    orders = (
        resting,
        replace(resting, client_order_id="web_1"),
        replace(resting, client_order_id="autoclose-1"),
    )
    own = make_bot(Path("/bot"), venue={**_VENUE, "client_order_prefix": "tb2-"})
    found = _found(bot=own, account=AccountReading((), orders))
    assert (found["foreign_open_orders"], found["forced_open_orders"]) == (1, 1)
    assert "foreign_open_orders" not in _found(account=AccountReading((), orders))


def test_a_leg_is_no_stranger_and_an_unread_one_no_zero() -> None:
    """It belongs to the bot's order; while that is not read, nobody says that there is none."""
    leg = replace(order("regular", "NEW"), client_order_id="0b1f")
    own = make_bot(Path("/bot"), venue={**_VENUE, "client_order_prefix": "tb2-"})

    def found(**changes: Any) -> float | None:
        account = AccountReading((), (replace(leg, **changes),))
        return _found(bot=own, account=account).get("foreign_open_orders")

    assert found() == 1
    assert found(linked_client_ids=("tb2-1",)) == 0
    assert found(links_known=False) is None


def test_bots_that_share_an_account_are_no_strangers() -> None:
    """Each bot's orders are known by its own prefix; another account's bot stays a stranger."""
    resting = order("regular", "NEW")
    orders = (resting, replace(resting, client_order_id="tb3-1"))

    def strangers(**other: str) -> float:
        venues = ({"client_order_prefix": "tb2-"}, {"client_order_prefix": "tb3-", **other})
        bots = [
            healthy(
                bot=make_bot(Path("/bot"), name=name, venue={**_VENUE, **venue}),
                account=AccountReading((), orders),
            )
            for name, venue in zip(("alpha", "beta"), venues, strict=True)
        ]
        return samples(api_key, *bots)["foreign_open_orders"]

    assert strangers() == 0
    assert strangers(account="second") == 1


def test_a_blocked_account_shows() -> None:
    """In the venue's own words, which are not a label."""
    blocked = AccountReading((), (), trading_blocked="trading_blocked")
    assert _found(account=blocked)["account_trading_blocked"] == 1
    free = AccountReading((), (), trading_blocked="")
    assert _found(account=free)["account_trading_blocked"] == 0


def test_whether_an_account_is_blocked_may_be_unknown() -> None:
    """A venue that does not say so has not said no."""
    assert "account_trading_blocked" not in _found(account=AccountReading((), ()))
