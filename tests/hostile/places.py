"""The bot's files, each in a bot and a directory of its own, and what must show their loss."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile.damage import DAMAGE, READABLE
from tests.hostile.ground import Scrape

_ANY = frozenset(DAMAGE)
_NOT_THERE = frozenset({"dangling", "closed_directory"})


@dataclass(frozen=True)
class Place:
    """One file of a bot that has its name.

    ``shows`` tells whether a scrape shows a damage as it must, beside what ``down`` says of the
    sources; ``may_fall`` are those that may suffer at all.
    """

    name: str
    path: str
    content: str | None
    may_fall: frozenset[str]
    down: dict[str, frozenset[str]]
    shows: Callable[[Scrape, str], bool]


def _value(scrape: Scrape, series: str, bot: str, labels: str = "") -> float | None:
    return scrape.value(f'tradingbot_{series}{{bot="{bot}"{labels}}}')


def _valid(scrape: Scrape, bot: str, path: str) -> float | None:
    return _value(scrape, "file_valid", bot, f',file="{path}"')


def _flag_shows(scrape: Scrape, damage: str) -> bool:
    """Whatever has the flag's name is the flag."""
    valid = _valid(scrape, "flag", "flag/kill_switch.flag")
    engaged = _value(scrape, "kill_switch_engaged", "flag") == 1
    return engaged and valid == (damage in READABLE)


def _pause_shows(scrape: Scrape, _: str) -> bool:
    """What is not exactly our own pause is a kill switch."""
    return (
        _value(scrape, "kill_switch_engaged", "pause") == 1
        and _value(scrape, "paused", "pause") == 0
    )


def _state_shows(scrape: Scrape, _: str) -> bool:
    return (
        _value(scrape, "kill_switch_engaged", "state") == 1
        and _valid(scrape, "state", "state/kill_switch_state.json") == 0
    )


def _positions_show(scrape: Scrape, _: str) -> bool:
    return (
        _value(scrape, "kill_switch_engaged", "positions") == 0
        and _valid(scrape, "positions", "positions/positions.json") == 0
        and _value(scrape, "positions", "positions", ',state="match"') == 0
    )


def _heartbeat_shows(scrape: Scrape, damage: str) -> bool:
    beat = _value(scrape, "last_heartbeat_timestamp_seconds", "heartbeat")
    return (beat is None) == (damage in _NO_BEAT)


def _log_shows(scrape: Scrape, damage: str) -> bool:
    if damage in _LOG_DOWN:
        return True
    followed = _value(scrape, "log_files", "log")
    return followed == (damage in {*READABLE, "huge", "pseudo_file"})


def _process_shows(scrape: Scrape, _: str) -> bool:
    return _value(scrape, "process_up", "process") == 0


def _settings_show(scrape: Scrape, _: str) -> bool:
    """The thresholds of before go on."""
    threshold = _value(scrape, "clock_offset_warn_threshold_seconds", "settings")
    return _value(scrape, "config_readable", "settings") == 0 and threshold == 0.321


_FILES = frozenset({"bot_files"})
# A heartbeat is a time; who may not read the file may still see it.
_NO_BEAT = frozenset({"directory", "pipe", "socket", "device", "loop", *_NOT_THERE})
_LOG_DOWN = frozenset({"denied", "leased"})

PLACES = (
    Place(
        "flag",
        "flag/kill_switch.flag",
        None,
        _FILES,
        dict.fromkeys(_ANY - READABLE, _FILES),
        _flag_shows,
    ),
    Place("pause", "pause/pause.flag", None, _FILES, {}, _pause_shows),
    Place(
        "state",
        "state/kill_switch_state.json",
        '{"tripped": false}',
        _FILES,
        dict.fromkeys(_ANY, _FILES),
        _state_shows,
    ),
    Place(
        "positions",
        "positions/positions.json",
        '{"BTCUSDT": "0.5"}',
        _FILES,
        dict.fromkeys(_ANY, _FILES),
        _positions_show,
    ),
    Place(
        "heartbeat",
        "heartbeat/heartbeat",
        "",
        frozenset({"heartbeat"}),
        dict.fromkeys(_NO_BEAT, frozenset({"heartbeat"})),
        _heartbeat_shows,
    ),
    Place(
        "log",
        "logs/bot.log",
        "2026-11-24 05:00:00,000 INFO calm\n",
        frozenset({"logs"}),
        dict.fromkeys(_LOG_DOWN, frozenset({"logs"})),
        _log_shows,
    ),
    Place(
        "process",
        "process/bot.pid",
        None,
        frozenset({"process", "memory"}),
        dict.fromkeys(_ANY - {"dangling"}, frozenset({"process"})),
        _process_shows,
    ),
    Place(
        "settings",
        "settings/config.yaml",
        "clock_sync: {warn_threshold_ms: 321}\n",
        frozenset(),
        {},
        _settings_show,
    ),
)
