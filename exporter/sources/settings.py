"""Thresholds in force: the bot's own file where it has one, else our configuration."""

from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import yaml

from exporter.config import Bot, ClockSync, ExecutionParams, Latency, Seconds
from exporter.errors import Reason, SourceError
from exporter.readings import BotSettings
from exporter.sources import files

_LIMIT = 256 * 1024
# A few lines of aliases and merges can describe more than fits into memory.
_MOST_ALIASES = 200
_MOST_MERGED = 2000

S = TypeVar("S", ClockSync, Latency, ExecutionParams)


class SettingsReader:
    """Reads one bot's settings again and again; what has not changed is not parsed again.

    YAML takes 10 ms for each KiB, and this is part of every scrape.

    Args:
        bot: whose.
    """

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._data: bytes | None = None
        self._result: BotSettings | SourceError = configured_settings(bot)

    def read(self, last: BotSettings | None = None) -> BotSettings:
        """Return the settings in force; never raises.

        Args:
            last: the last good settings, kept when the file cannot be read now.
        """
        bot = self._bot
        if bot.bot_config is None:
            return configured_settings(bot)
        try:
            return files.read_settled(files.path(bot, bot.bot_config), self._judge)
        except SourceError as error:
            return replace(last or configured_settings(bot), readable=False, detail=error.detail)

    def _judge(self, content: files.Content) -> BotSettings:
        if content.data != self._data:
            try:
                self._result = _parse(self._bot, content.data)
            except SourceError as error:
                self._result = error
            self._data = content.data
        if isinstance(self._result, SourceError):
            raise SourceError(self._result.reason, self._result.detail)
        return self._result


def read_settings(bot: Bot, last: BotSettings | None = None) -> BotSettings:
    """Return the settings in force; never raises.

    Args:
        bot: whose ``bot_config`` to read.
        last: the last good settings, kept when the file cannot be read now.
    """
    return SettingsReader(bot).read(last)


def configured_settings(bot: Bot) -> BotSettings:
    """Return the settings of our own configuration, without reading anything."""
    return _settings(bot.clock_sync, bot.latency, bot.execution_params, bot.bar_seconds)


def _parse(bot: Bot, data: bytes) -> BotSettings:
    if len(data) > _LIMIT:
        raise SourceError(Reason.TOO_LARGE, f"is larger than {_LIMIT} bytes")
    try:
        body = yaml.load(data.decode("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except Exception as error:  # the library lets many kinds out, an AttributeError among them
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise SourceError(Reason.INVALID, f"is not YAML: {detail}") from error
    if not isinstance(body, dict):
        raise SourceError(Reason.INVALID, "is not a mapping")
    try:
        bar = body.get("bar_seconds", bot.bar_seconds)
        return _settings(
            _overlay(bot.clock_sync, body.get("clock_sync")),
            _overlay(bot.latency, body.get("latency")),
            _overlay(bot.execution_params, body.get("execution_params")),
            msgspec.convert(bar, Seconds | None, strict=True),
        )
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise SourceError(Reason.INVALID, f"is not understood: {error}") from error


def _overlay(ours: S, theirs: Any) -> S:
    """Lay the bot's values over ours; its other keys are its own business."""
    if theirs is None:
        return ours
    if not isinstance(theirs, dict):
        raise SourceError(Reason.INVALID, f"has no mapping where {type(ours).__name__} belongs")
    known = msgspec.structs.asdict(ours)
    chosen = {name: theirs.get(name, value) for name, value in known.items()}
    return msgspec.convert(chosen, type(ours), strict=True)


def _settings(
    clock: ClockSync, latency: Latency, execution: ExecutionParams, bar: float | None
) -> BotSettings:
    return BotSettings(
        readable=True,
        detail="",
        clock_warn_seconds=clock.warn_threshold_ms / 1000,
        clock_kill_seconds=clock.kill_threshold_ms / 1000,
        clock_refresh_seconds=clock.refresh_sec,
        timeout_seconds=latency.timeout_ms / 1000,
        retries=latency.retries,
        ttl_steps=execution.ttl_steps,
        bar_seconds=bar,
    )


class _Loader(yaml.SafeLoader):
    """Gives up on files that stand for much more than they hold."""

    aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > _MOST_ALIASES:
                raise yaml.YAMLError(f"it has more than {_MOST_ALIASES} aliases")
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        written = len(node.value)
        super().flatten_mapping(node)
        if len(node.value) > max(written, _MOST_MERGED):
            raise yaml.YAMLError(f"it merges more than {_MOST_MERGED} settings")
