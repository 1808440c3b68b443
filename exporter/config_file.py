"""Read and judge the configuration file."""

import re
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from exporter import strict_yaml
from exporter.config import Config, Section
from exporter.config_rules import judge
from exporter.errors import ConfigError

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


def load(path: str | Path) -> Config:
    """Read, decode and judge the file.

    Raises:
        ConfigError: names the key path, the problem and what is accepted.
    """
    return parse(strict_yaml.read_text(path))


def parse(text: str) -> Config:
    """Decode and judge the text of a configuration file.

    Raises:
        ConfigError: names the key path, the problem and what is accepted.
    """
    raw = strict_yaml.decode(text)
    if not isinstance(raw, dict):
        raise ConfigError("(file)", "is not a mapping", "keys such as bots: and exporter:")
    try:
        config = msgspec.convert(raw, Config, strict=True)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    judge(config)
    return config


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
    # Any key of a mapping is written [...]: its dots part nothing.
    parent, _, name = path.replace("[...]", "[]").rpartition(".")
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
