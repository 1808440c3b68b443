"""Keys at each venue: what is wrong shows after one round and is gone after one."""

from typing import Literal

import pytest

from tests.sim.faults.api_key import ApiKey
from tests.watches.conftest import Ground

_Kind = Literal["key_format", "rejected", "signature", "ip", "unknown"]


def test_good_keys_at_each_venue(ground: Ground) -> None:
    """Both roles are present and taken; what they may do is said where the venue says it."""
    found = ground.metrics()
    for role in ("bot", "exporter"):
        assert found[f'api_key_present{{key="{role}"}}'] == 1
        assert found[f'api_key_valid{{key="{role}"}}'] == 1
        assert found[f'api_key_shared{{key="{role}"}}'] == 0
    withdraw = found.get('api_key_can_withdraw{key="exporter"}')
    assert withdraw == (None if ground.kind == "alpaca" else 0)
    assert found['api_key_can_trade{key="bot"}'] == 1


@pytest.mark.parametrize("kind", ["key_format", "rejected", "signature", "ip", "unknown"])
def test_a_refused_key_at_each_venue(ground: Ground, kind: _Kind) -> None:
    """Invalid with a reason of the closed set, and valid again when it is."""
    undo = ApiKey(kind=kind, role="exporter").inject(ground.simulator.world)
    during = ground.metrics()
    assert during['api_key_valid{key="exporter"}'] == 0
    assert during['api_key_valid{key="bot"}'] == 1
    problems = {n: v for n, v in during.items() if n.startswith('api_key_problem{key="exporter"')}
    assert sum(problems.values()) == 1
    assert during['positions{state="unknown"}'] >= 1
    undo()
    after = ground.metrics()
    assert after['api_key_valid{key="exporter"}'] == 1
    assert after['positions{state="unknown"}'] == 0


@pytest.mark.parametrize("ground", ["binance_usdm", "binance_spot"], indirect=True)
def test_a_key_that_may_withdraw(ground: Ground) -> None:
    """Where keys have scopes: the broker's have none."""
    undo = ApiKey(kind="withdraw_enabled", role="bot").inject(ground.simulator.world)
    assert ground.metrics()['api_key_can_withdraw{key="bot"}'] == 1
    undo()
    assert ground.metrics()['api_key_can_withdraw{key="bot"}'] == 0


def test_a_shared_key_at_each_venue(ground: Ground) -> None:
    """The exporter was given the bot's key."""
    ground.set_key("exporter", "bot")
    assert ground.metrics()['api_key_shared{key="exporter"}'] == 1
    ground.set_key("exporter", "exporter")
    assert ground.metrics()['api_key_shared{key="exporter"}'] == 0


def test_no_value_of_a_key_is_shown_or_logged(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in a reading's words nor in a log line, whatever goes wrong."""
    caplog.set_level("DEBUG")
    ApiKey(kind="rejected", role="exporter").inject(ground.simulator.world)
    ground.metrics()
    assert "failed" in caplog.text
    world = ground.simulator.world
    said = caplog.text + str(ground.keys.keys.fresh()) + str(ground.account.comparison.fresh())
    for key in (*world.keys.values(), *world.alpaca_keys.values()):
        assert key.key not in said
        assert key.secret not in said
