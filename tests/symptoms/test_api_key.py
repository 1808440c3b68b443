"""A key no longer does what it should, at every venue, or does what it should not."""

from collections.abc import Iterator

import pytest

from tests.sim.holdings import Venue
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand
from tests.symptoms.venues import ROLES, VENUES, put_key

_STEM = "api_key"
_INVALID = {"TradingBotKeyInvalid"}
_SOON = {"TradingBotKeyExpiresSoon"}
_EXPIRED = {*_SOON, "TradingBotKeyExpired", "TradingBotKeyCannotTrade"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot at each venue, with a key for each role."""
    with stand(tmp_path_factory.mktemp("key"), *VENUES, fast={"key_poll", "account_poll"}) as made:
        yield made


@pytest.mark.parametrize(
    ("of", "kind", "reason"),
    [
        ("binance_usdm", "key_format", "key_format"),
        ("binance_usdm", "rejected", "key_rejected"),
        ("binance_usdm", "unknown", "key_rejected"),
        ("binance_usdm", "signature", "signature"),
        ("binance_spot", "ip", "key_rejected"),
        ("alpaca", "rejected", "key_rejected"),
    ],
)
def test_the_venue_refuses_the_bot_s_key(ground: Ground, of: Venue, kind: str, reason: str) -> None:
    """A refusal is asked about again within the round, so one round is certain."""
    with ground.fault(_STEM, "key", fires=_INVALID, of=of, kind=kind) as seen:
        assert seen.during.which("api_key_valid", "key") == {"exporter", "remediation"}
        assert seen.during.which("api_key_problem", "reason", key="bot") == {reason}
        assert seen.during.number("source_up", source="key") == 1  # a refusal is an answer
    for page in (seen.before, seen.after):
        assert page.which("api_key_valid", "key") == set(ROLES)
        assert page.which("api_key_problem", "reason", key="bot") == set()


@pytest.mark.parametrize(("of", "role"), [("alpaca", "exporter"), ("binance_usdm", "remediation")])
def test_the_venue_refuses_another_role_s_key(ground: Ground, of: Venue, role: str) -> None:
    """Without the exporter's own key the account is unknown, and that is said, too."""
    sources = ("key", "account") if role == "exporter" else ("key",)
    with ground.fault(_STEM, *sources, fires=_INVALID, of=of, role=role) as seen:
        assert seen.during.which("api_key_valid", "key") == {*ROLES} - {role}
        if role == "exporter":
            rules.judge(seen.during, seen.before, "partial_fills", {"TradingBotOrdersUnknown"})
            unknown = {"TradingBotPositionsUnknown"}
            rules.judge(seen.during, seen.before, "position_mismatch", unknown)
    rules.judge(seen.after, seen.before, "position_mismatch", ())


@pytest.mark.parametrize(
    ("of", "kind", "fires"),
    [
        ("binance_usdm", "withdraw_enabled", {"TradingBotKeyCanWithdraw"}),
        ("binance_usdm", "ip_unrestricted", {"TradingBotKeyNotIpRestricted"}),
        ("binance_usdm", "old", {"TradingBotKeyTooOld"}),
        ("binance_usdm", "expiring", _SOON),
        ("binance_usdm", "expired", _EXPIRED),
        ("binance_spot", "withdraw_enabled", {"TradingBotKeyCanWithdraw"}),
        ("binance_spot", "expired", _EXPIRED),
    ],
)
def test_a_key_works_and_should_not_stay_so(
    ground: Ground, of: Venue, kind: str, fires: set[str]
) -> None:
    """What the exchange says the key may do, and until when."""
    with ground.fault(_STEM, "key", fires=fires, of=of, kind=kind) as seen:
        assert seen.during.which("api_key_valid", "key") == set(ROLES)


@pytest.mark.parametrize("blocked", ["trading", "account", "user"])
def test_the_broker_blocks_the_account(ground: Ground, blocked: str) -> None:
    """The key is good, and nothing can be traded with it."""
    before = ground.calm(_STEM, "account", "key", of="alpaca")
    moment = ground.settings(blocked=blocked)
    during = ground.after(moment, "account", "key", of="alpaca")
    rules.judge(during, before, _STEM, {"TradingBotTradingBlocked", "TradingBotKeyCannotTrade"})
    after = ground.after(ground.settings(blocked="none"), "account", "key", of="alpaca")
    rules.judge(after, before, _STEM, ())


@pytest.mark.parametrize("of", VENUES)
def test_the_bot_s_key_is_not_where_it_should_be(ground: Ground, of: Venue) -> None:
    """An env file without the key is a bot that will not start again."""
    before = ground.calm(_STEM, "key", of=of)
    (ground.root(of) / ".env").unlink()
    during = ground.after(ground.touch(), "key", of=of)
    assert during.which("api_key_problem", "reason", key="bot") == {"no_credentials"}
    rules.judge(during, before, _STEM, {"TradingBotKeyMissing"})
    put_key(ground.root(of), ground.simulator, of, "bot")
    after = ground.after(ground.touch(), "key", of=of)
    rules.judge(after, before, _STEM, ())


def test_two_roles_use_one_key(ground: Ground) -> None:
    """One leak or one ban would take both."""
    of: Venue = "binance_spot"
    keys = ground.root(of).parent / "keys"
    before = ground.calm(_STEM, "key", of=of)
    for part in ("key", "secret"):
        content = (keys / f"{of}_exporter.{part}").read_text()
        (keys / f"{of}_remediation.{part}").write_text(content)
    during = ground.after(ground.touch(), "key", of=of)
    assert during.which("api_key_shared", "key") == {"exporter", "remediation"}
    rules.judge(during, before, _STEM, {"TradingBotKeyShared"})
    put_key(ground.root(of), ground.simulator, of, "remediation")
    rules.judge(ground.after(ground.touch(), "key", of=of), before, _STEM, ())
