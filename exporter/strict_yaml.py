"""Read a YAML file without guessing: bounded, UTF-8, and no key written twice."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from exporter.errors import ConfigError

_SIZE_LIMIT = 1 << 20


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice instead of keeping the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, Hashable):
                raise ConfigError("(file)", f"has a key that is no text (line {line})", "text")
            if key in seen:
                raise ConfigError(str(key), f"is written twice (line {line})", "one value")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_text(path: str | Path) -> str:
    """Read a file of at most 1 MiB.

    Raises:
        ConfigError: it cannot be read, is too large, or is no text.
    """
    file = Path(path)
    try:
        if file.stat().st_size > _SIZE_LIMIT:
            raise ConfigError(str(path), "is larger than 1 MiB", "a configuration file")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be read: {error.strerror}", "a readable YAML file"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "is not UTF-8 text", "a YAML file") from error


def decode(text: str) -> Any:
    """Return what the text means.

    Raises:
        ConfigError: it is no YAML, or holds a key twice.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - derives from SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError("(file)", f"is not YAML: {_where(error)}") from error
    except ValueError as error:  # such as a date with a 13th month
        raise ConfigError("(file)", f"holds an impossible value: {error}") from error
    except RecursionError as error:
        raise ConfigError("(file)", "is nested too deeply") from error


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} (line {error.problem_mark.line + 1})"
    return " ".join(str(error).split())
