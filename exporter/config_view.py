"""The configuration in force, for a person: as YAML, and without anything secret.

Secrets are only named in the file. What can still hold one, by an owner's mistake or because it
is a URL with a token in it, is masked.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
import yaml

from exporter.config import Config, Section

MASK = "<secret>"
# Chat and paging services put the token into the path.
_SECRET_URLS = frozenset({"fallback_pager_url"})
_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_QUERY = re.compile(r"([?&][^=&#\s]+=)[^&#\s]+")
_PATH = re.compile(r"(?<=://)([^/\s]+/).+")
_ASSIGNED = re.compile(
    r"(?i)((?:token|passw(?:or)?d|secret|api[_-]?key|authorization)[\w-]*\s*[=:]\s*)\S.*"
)
_FLAG = re.compile(r"(?i)-{1,2}[\w-]*(?:token|passw(?:or)?d|secret|key)[\w-]*")


def as_yaml(config: Config) -> str:
    """Return the whole configuration, defaults included."""
    return _dump(_masked(msgspec.to_builtins(config)))


def settings_of(section: Section, paths: Iterable[str]) -> str:
    """Return some settings of a section, each under its key path."""
    found = {}
    for path in paths:
        value: Any = section
        for name in path.split("."):
            value = getattr(value, name)
        found[path] = msgspec.to_builtins(value)
    return _dump(_masked(found)) if found else ""


def _dump(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def _masked(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _masked(item, str(name).rpartition(".")[2]) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [
            MASK if index and _is_flag(value[index - 1]) else _masked(item, key)
            for index, item in enumerate(value)
        ]
    return _masked_text(value, key) if isinstance(value, str) else value


def _is_flag(value: Any) -> bool:
    return isinstance(value, str) and _FLAG.fullmatch(value) is not None


def _masked_text(text: str, key: str) -> str:
    if "://" in text:
        hide, pattern = (_PATH if key in _SECRET_URLS else _QUERY), rf"\1{MASK}"
        text = hide.sub(pattern, _USER.sub(MASK, text))
    return _ASSIGNED.sub(rf"\1{MASK}", text)
