"""Source health: it stays when values vanish, and every failure is countable."""

from dataclasses import replace

from exporter.collectors import sources
from exporter.errors import Reason
from exporter.snapshot import Health
from tests.collectors.snapshots import GOOD, NOW, healthy, samples


def test_the_bot_and_its_labels() -> None:
    """Rules join on this."""
    found = samples(sources)
    assert found['info{market="usdm",mode="paper",venue="binance_usdm"}'] == 1
    assert found["config_readable"] == 1


def test_a_failing_source_keeps_its_health() -> None:
    """Down, when it was tried, when it last worked, and why it failed."""
    bad = Health(
        up=False, last_attempt=NOW, last_success=NOW - 90, failures={Reason.BANNED: 3}, detail="x"
    )
    found = samples(sources, healthy(health={"exchange": bad, "ntp": GOOD}))
    assert found['source_up{source="exchange"}'] == 0
    assert found['source_up{source="ntp"}'] == 1
    assert found['source_last_attempt_timestamp_seconds{source="exchange"}'] == NOW
    assert found['source_last_success_timestamp_seconds{source="exchange"}'] == NOW - 90
    assert found['source_failures_total{reason="banned",source="exchange"}'] == 3


def test_a_source_that_never_worked_has_no_success_time() -> None:
    """A zero would read as 1970."""
    never = Health(up=False, last_attempt=NOW, last_success=None)
    found = samples(sources, healthy(health={"account": never}))
    assert 'source_last_success_timestamp_seconds{source="account"}' not in found


def test_failures_begin_at_zero() -> None:
    """The first failure of a kind must be an increase that a rate can see."""
    found = samples(sources, healthy(health=dict.fromkeys(sources.REASONS, GOOD)))
    for source, reasons in sources.REASONS.items():
        for reason in reasons:
            name = f'source_failures_total{{reason="{reason}",source="{source}"}}'
            assert found[name] == 0


def test_an_unexpected_reason_is_counted_all_the_same() -> None:
    """The table of expected reasons only adds zeros."""
    odd = replace(GOOD, failures={Reason.FIREWALL: 1})
    found = samples(sources, healthy(health={"ntp": odd}))
    assert found['source_failures_total{reason="firewall",source="ntp"}'] == 1


def test_an_unreadable_bot_file_shows() -> None:
    """The thresholds shown are then not the bot's."""
    settings = replace(healthy().settings, readable=False)
    assert samples(sources, healthy(settings=settings))["config_readable"] == 0
