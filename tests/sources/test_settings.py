"""Thresholds from the bot's own file, else from ours; reading them never raises."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.readings import BotSettings
from exporter.sources.bot import read_settings
from tests.sources.bots import make_bot, write

_FILE = "configs/live.yaml"


def _read(root: Path, content: bytes | str, last: BotSettings | None = None) -> BotSettings:
    write(root, _FILE, content)
    bot = make_bot(root, bot_config=_FILE, clock_sync={"kill_threshold_ms": 3000})
    return read_settings(bot, last)


def test_without_a_file_ours_are_in_force(root: Path) -> None:
    """Milliseconds become seconds once, here."""
    found = read_settings(make_bot(root, clock_sync={"warn_threshold_ms": 250}))
    assert found.readable
    assert found.clock_warn_seconds == 0.25
    assert found.clock_kill_seconds == 2.0


def test_the_bots_own_values_win(root: Path) -> None:
    """Key by key; what the bot's file does not say stays ours."""
    found = _read(
        root,
        "clock_sync: {warn_threshold_ms: 100, other: 1}\nlatency: {timeout_ms: 900}\n"
        "execution_params: {ttl_steps: 2}\nbar_seconds: 14400\nsomething: else\n",
    )
    assert found.readable
    assert found.clock_warn_seconds == 0.1
    assert found.clock_kill_seconds == 3.0
    assert found.timeout_seconds == 0.9
    assert found.ttl_steps == 2
    assert found.bar_seconds == 14400


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "clock_sync: 5",
        "clock_sync: {warn_threshold_ms: fast}",
        "clock_sync: {warn_threshold_ms: .nan}",
        "clock_sync: {warn_threshold_ms: -1}",
        "clock_sync: {warn_threshold_ms: true}",
        "bar_seconds: 4h",
        "a: [",
        "a: !!python/object:os.system {}",
        b"\xff\xfe\x00",
        "x" * 300_000,
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_file_that_is_wrong_keeps_the_last_good_values(root: Path, content: Any) -> None:
    """One bad value must not mix with good ones; the metric says that it happened."""
    good = _read(root, "clock_sync: {warn_threshold_ms: 100}")
    kept = _read(root, content, good)
    assert not kept.readable
    assert kept.detail
    assert kept.clock_warn_seconds == 0.1
    assert _read(root, content).clock_kill_seconds == 3.0


def test_a_missing_file_keeps_ours(root: Path) -> None:
    """The configured values are the default."""
    found = read_settings(make_bot(root, bot_config="none.yaml"))
    assert not found.readable
    assert found.clock_kill_seconds == 2.0


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.binary(max_size=60))
def test_any_bytes_give_settings(root: Path, content: bytes) -> None:
    """Thresholds never vanish, whatever the file holds."""
    assert _read(root, content).clock_kill_seconds > 0
