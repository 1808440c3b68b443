"""One mapping of a small YAML file: typed values by key, and errors that name the key."""

from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from exporter.errors import ConfigError


class Section:
    """Reads a mapping strictly. What is null, empty or left out has its default.

    Args:
        name: the mapping's own key; empty for the whole file.
        raw: what YAML made of it.
        keys: what may be in it; None where any text may be a key.

    Raises:
        ConfigError: it is no mapping, or has a key that is not known.
    """

    def __init__(self, name: str, raw: Any, keys: Collection[str] | None) -> None:
        self._name = name
        accepted = "text as keys" if keys is None else ", ".join(sorted(keys))
        if raw is None:
            raw = {}
        if not isinstance(raw, dict):
            raise ConfigError(name or "(file)", "is not a mapping", accepted)
        for key in raw:
            if not isinstance(key, str) or (keys is not None and key not in keys):
                raise ConfigError(self.path(key), "is not a known key", accepted)
        self._raw: dict[str, Any] = raw

    def path(self, key: object) -> str:
        """Where a key is, for a message."""
        return f"{self._name}.{key}" if self._name else str(key)

    def refuse(self, key: str, problem: str, accepted: str = "") -> NoReturn:
        """Say what is wrong with a key.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(self.path(key), problem, accepted)

    def has(self, key: str) -> bool:
        """Whether the key says anything."""
        return self._raw.get(key) not in (None, "", [], {})

    def given(self, key: str) -> bool:
        """Whether the key is there and not null, even if it says nothing."""
        return self._raw.get(key) is not None

    def section(self, key: str, keys: Collection[str] | None) -> "Section":
        """Return a mapping below this one."""
        return Section(self.path(key), self._raw.get(key), keys)

    def text(self, key: str) -> str:
        """Return a text, empty by default; never shown in a message, as it may be a key."""
        value = self._raw.get(key)
        if not isinstance(value, str | None):
            self.refuse(key, "is not text", "text")
        return value or ""

    def choice(self, key: str, accepted: Collection[str], default: str) -> str:
        """Return one of some texts."""
        value = self.text(key) or default
        if value not in accepted:
            self.refuse(key, f"is {value}", ", ".join(accepted))
        return value

    def choices(self, key: str, accepted: Collection[str]) -> tuple[str, ...]:
        """Return a list of some texts; empty by default."""
        values = self.texts(key)
        for value in values:
            if value not in accepted:
                self.refuse(key, f"has {value}", ", ".join(accepted))
        return values

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; empty by default."""
        value = self._raw.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(key, "is not a list of texts", "a list of texts")
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._raw.get(key)
        if not isinstance(value, bool | None):
            self.refuse(key, "is neither true nor false", "true, false")
        return default if value is None else value

    def whole_number(self, key: str, lowest: int, highest: int, default: int) -> int:
        """Return a number within bounds."""
        value = self._raw.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            self.refuse(key, f"is {value!r}", f"a whole number from {lowest} to {highest}")
        return value

    def all_texts(self) -> Mapping[str, str]:
        """Return everything, for a mapping in which any text may be a key."""
        return {key: self.text(key) for key in self._raw}
