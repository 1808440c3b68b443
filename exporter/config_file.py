"""Read and judge the configuration file."""

import re
import types
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
import yaml

from exporter.config import Bot, Config, Credentials, Section
from exporter.errors import ConfigError

_SIZE_LIMIT = 1 << 20
_AT_PATH = re.compile(r"^(?P<problem>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(?P<name>.*)`")
_BAD_ENUM = re.compile(r"^Invalid enum value (?P<value>.*)$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>.*)`")
_WORDS = {
    "array of length": "list of length",
    "array": "list",
    "object": "mapping",
    "str matching regex": "text matching",
    "str": "text",
    "float": "number",
    "int": "whole number",
    "bool": "true or false",
    "null": "nothing",
}
_EXPECTED = re.compile(r"^Expected (?P<accepted>.*?)(?:, got (?P<got>.*))?$")

# Hosts at which real money moves; a mode that contradicts them is refused.
LIVE_HOSTS = re.compile(
    r"^(api\d?|api-gcp|fapi|dapi)\.binance\.(com|us)$|^api\.alpaca\.markets$", re.IGNORECASE
)
TEST_HOSTS = re.compile(
    r"^(testnet\.binance\.vision|demo-f?api\.binance\.com|testnet\.binancefuture\.com"
    r"|paper-api\.alpaca\.markets)$",
    re.IGNORECASE,
)


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice instead of keeping the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigError(str(key), f"is written twice (line {line})", "one value")
            seen.add(key)
        return super().construct_mapping(node, deep)


def load(path: str | Path) -> Config:
    """Read, decode and judge the file.

    Raises:
        ConfigError: names the key path, the problem and what is accepted.
    """
    file = Path(path)
    try:
        if file.stat().st_size > _SIZE_LIMIT:
            raise ConfigError(str(path), "is larger than 1 MiB", "a configuration file")
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be read: {error.strerror}", "a readable YAML file"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "is not UTF-8 text", "a YAML file") from error
    return parse(text)


def parse(text: str) -> Config:
    """Decode and judge the text of a configuration file.

    Raises:
        ConfigError: names the key path, the problem and what is accepted.
    """
    try:
        raw = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - derives from SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError("(file)", f"is not YAML: {_where(error)}") from error
    if not isinstance(raw, dict):
        raise ConfigError("(file)", "is not a mapping", "keys such as bots: and exporter:")
    try:
        config = msgspec.convert(raw, Config, strict=True)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    _judge(config)
    return config


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} (line {error.problem_mark.line + 1})"
    return " ".join(str(error).split())


def _explain(message: str) -> ConfigError:
    match = _AT_PATH.match(message)
    problem, path = (match["problem"], match["path"] or "") if match else (message, "")
    if unknown := _UNKNOWN.search(problem):
        name = unknown["name"]
        known = sorted(_keys_at(path))
        return ConfigError(
            f"{path}.{name}" if path else name, "is not a known key", ", ".join(known)
        )
    if bad := _BAD_ENUM.match(problem):
        return ConfigError(path, f"is {bad['value']}", ", ".join(_accepted_at(path)))
    if missing := _MISSING.match(problem):
        name = missing["name"]
        where = f"{path}.{name}" if path else name
        return ConfigError(where, "is missing", ", ".join(_accepted_at(where)))
    if expected := _EXPECTED.match(problem):
        got = (expected["got"] or "").replace("`", "")
        if "`key` in" in message:
            return ConfigError(path or "(file)", "has a key that is no text", "text as keys")
        accepted = _in_words(expected["accepted"])
        if path and (values := _literal_values(path)):
            accepted = ", ".join(values)
        problem = f"is {_article(_in_words(got))}" if got else "is not acceptable"
        return ConfigError(path or "(file)", problem, accepted)
    return ConfigError(path or "(file)", problem.replace("`", ""), "see tradewarden.example.yml")


def _accepted_at(path: str) -> tuple[str, ...]:
    """What a key takes: a Literal's values, a section's keys, else a word for its type."""
    if values := _literal_values(path):
        return values
    try:
        return (f"keys {', '.join(_keys_at(path))}",)
    except TypeError:
        return ("text",)


def _literal_values(path: str) -> tuple[str, ...]:
    """The values a key is limited to, if it is limited to some."""
    parent, _, name = path.rpartition(".")
    try:
        fields = msgspec.structs.fields(_section_at(parent))
    except TypeError:
        return ()
    kind = {field.name: field.type for field in fields}.get(name)
    return tuple(str(value) for value in get_args(kind)) if get_origin(kind) is Literal else ()


def _article(noun: str) -> str:
    return f"a {noun}" if noun in ("list", "mapping", "number", "whole number") else noun


def _in_words(text: str) -> str:
    """Msgspec's words for types, in those of someone who writes YAML."""
    text = text.replace("`", "")
    for word, plain in _WORDS.items():
        text = re.sub(rf"\b{word}\b", plain, text)
    return text.replace(" | ", " or ")


def _keys_at(path: str) -> tuple[str, ...]:
    """Names of the keys accepted at a path such as ``bots[0].venue``."""
    return tuple(f.name for f in msgspec.structs.fields(_section_at(path)))


def _section_at(path: str) -> type[Section]:
    kind: Any = Config
    for part in (p for p in re.split(r"\.|\[\.*\d*\]", path) if p):
        fields = {f.name: f.type for f in msgspec.structs.fields(_section_in(kind))}
        kind = fields[part]
    return _section_in(kind)


def _section_in(kind: Any) -> type[Section]:
    """The Section inside ``Section | None`` or ``tuple[Section, ...]`` or an annotation."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind
    if get_origin(kind) in (Union, types.UnionType, tuple) or hasattr(kind, "__metadata__"):
        for argument in get_args(kind):
            if argument not in (type(None), Ellipsis) and not isinstance(argument, msgspec.Meta):
                return _section_in(argument)
    raise TypeError(kind)


def _judge(config: Config) -> None:
    """Rules that span keys."""
    names = [bot.name for bot in config.bots]
    for index, bot in enumerate(config.bots):
        where = f"bots[{index}]"
        if names.index(bot.name) != index:
            raise ConfigError(f"{where}.name", f"{bot.name} is used twice", "a name of its own")
        _judge_bot(where, bot)
    if len(config.exporter.ntp_servers) in (1, 2):
        raise ConfigError(
            "exporter.ntp_servers",
            "has too few servers to outvote a wrong one",
            "at least three, better four; or [] to use none",
        )
    settings = config.remediation
    _judge_one_of(
        "remediation",
        required=False,
        webhook_token_env=settings.webhook_token_env,
        webhook_token_file=settings.webhook_token_file,
    )
    for index, operator in enumerate(settings.operators):
        _judge_one_of(
            f"remediation.operators[{index}]",
            token_env=operator.token_env,
            token_file=operator.token_file,
        )


def _judge_bot(where: str, bot: Bot) -> None:
    if not Path(bot.root).is_absolute():
        raise ConfigError(f"{where}.root", f"{bot.root} is relative", "an absolute path")
    host = urlsplit(bot.venue.base_url).hostname or ""
    if bot.mode == "paper" and LIVE_HOSTS.match(host):
        raise ConfigError(f"{where}.mode", f"is paper, but {host} trades real money", "live")
    if bot.mode == "live" and TEST_HOSTS.match(host):
        raise ConfigError(f"{where}.mode", f"is live, but {host} is a test venue", "paper")
    process, beat = bot.process, bot.heartbeat
    _judge_one_of(
        f"{where}.process",
        systemd_unit=process.systemd_unit,
        pidfile=process.pidfile,
        cmdline=process.cmdline,
    )
    _judge_one_of(
        f"{where}.heartbeat", file=beat.file, log_pattern=beat.log_pattern, http=beat.http
    )
    for name, pattern in (
        ("process.cmdline", process.cmdline),
        ("heartbeat.log_pattern", beat.log_pattern),
    ):
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ConfigError(f"{where}.{name}", f"is no regular expression: {error}") from error
    if bot.clock_sync.warn_threshold_ms >= bot.clock_sync.kill_threshold_ms:
        raise ConfigError(
            f"{where}.clock_sync.warn_threshold_ms",
            "is not below kill_threshold_ms",
            f"less than {bot.clock_sync.kill_threshold_ms:g}",
        )
    roles = bot.venue.credentials
    for role in ("bot", "exporter", "remediation"):
        if (credentials := getattr(roles, role)) is not None:
            _judge_credentials(f"{where}.venue.credentials.{role}", credentials)


def _judge_credentials(where: str, credentials: Credentials) -> None:
    by_name = credentials.key is not None and credentials.secret is not None
    by_file = credentials.key_file is not None and credentials.secret_file is not None
    if by_name == by_file or (by_file and credentials.env_file is not None):
        raise ConfigError(
            where, "names no complete key pair", "key and secret, or key_file and secret_file"
        )


def _judge_one_of(where: str, *, required: bool = True, **options: str | None) -> None:
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1 or (required and not given):
        problem = f"has {' and '.join(given)}" if given else "names nothing"
        raise ConfigError(where, problem, f"exactly one of {', '.join(options)}")
