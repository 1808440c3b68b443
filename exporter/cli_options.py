"""Options that several commands share, and the types of their values."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from exporter import log

Command = TypeVar("Command", bound=Callable[..., Any])

config_option = click.option(
    "--config.file",
    "config_path",
    default="tradewarden.yml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Configuration file, shared with tradewarden-remediation.",
)

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)")


class Duration(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.5
    """A duration as Prometheus' programs write it, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read one number with its unit."""
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(str(value))
        if match is None or not float(match[1]):
            self.fail(f"{value} is no duration such as 30s or 5m", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


def log_options(command: Command) -> Command:
    """Take --log.level and --log.format, before or after the command's name; the last counts."""
    for name, choices, default in (
        ("log.format", log.FORMATS, log.FORMATS[0]),
        ("log.level", log.LEVELS, "info"),
    ):
        command = click.option(
            f"--{name}",
            name.replace(".", "_"),
            type=click.Choice(choices),
            help=f"{' or '.join(choices)}; {default} unless said otherwise.",
            expose_value=False,
            callback=_remember,
            is_eager=True,
        )(command)
    return command


def _remember(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    chosen = context.find_root().ensure_object(dict)
    if value is not None:
        chosen[parameter.name] = value
    log.set_up(chosen.get("log_level", "info"), chosen.get("log_format", log.FORMATS[0]))
