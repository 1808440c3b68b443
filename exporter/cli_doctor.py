"""``doctor``: every check once, for a person before resuming and for the resume gate."""

import contextlib
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from exporter import config_file, doctor, log
from exporter.cli_options import config_option, log_options
from exporter.config import Bot, Config
from exporter.doctor import report
from exporter.doctor.examination import Examination, Options
from exporter.doctor.progress import Progress
from exporter.doctor.redaction import Redactor
from exporter.doctor.verdicts import Check
from exporter.scenarios import SCENARIOS

_WIDTH = 80
_WIDEST = 110


@click.command(name="doctor")
@config_option
@log_options
@click.option("--verbose", "-v", is_flag=True, help="Show what passed, and what is not checked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.option(
    "--scenario",
    "stems",
    multiple=True,
    metavar="STEM",
    type=click.Choice([scenario.stem for scenario in SCENARIOS]),
    help="Only this scenario's checks, such as clock_drift; repeatable.",
)
@click.option(
    "--gate",
    type=click.Choice([doctor.RESUME]),
    help="Only, but strictly, what must be true before the bot is started.",
)
@click.option("--bot", "bot_name", help="Only this bot.")
def run_doctor(
    *,
    config_path: Path,
    verbose: bool,
    as_json: bool,
    stems: tuple[str, ...],
    gate: str | None,
    bot_name: str | None,
) -> None:
    """Check everything once, and say for each failure what the runbook says to do next.

    Exit status: 0 all passed, 1 something failed, 2 something could not be checked.
    """
    _keep_quiet(strictly=as_json)
    if gate is not None and stems:
        raise click.UsageError("--gate asks for all that must be true; --scenario contradicts it")
    config = config_file.load(config_path)
    bots = [bot for bot in config.bots if bot_name in (None, bot.name)]
    if not bots:
        known = ", ".join(bot.name for bot in config.bots)
        raise click.BadParameter(
            f"{bot_name} is not configured; known: {known}", param_hint="--bot"
        )
    options = Options(gate=gate is not None, stems=stems)
    redactor = Redactor(config, bots)
    if as_json:
        checks = _examine(config, bots, options, redactor, lambda _: None)
        click.echo(report.as_json(checks, gate))
    else:
        table = _Table(verbose=verbose)
        checks = _examine(config, bots, options, redactor, table.add)
        table.end(checks)
    sys.exit(report.exit_status(checks))


def _keep_quiet(*, strictly: bool) -> None:
    """Let the report speak, unless a level was asked for; a program may read both together."""
    chosen = click.get_current_context().find_root().ensure_object(dict)
    if "log_level" not in chosen:
        log.set_up("critical" if strictly else "error", chosen.get("log_format", log.FORMATS[0]))


class _Table:
    """Prints each bot's part as soon as it is known."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._width = _WIDTH
        if sys.stdout.isatty():
            self._width = min(shutil.get_terminal_size().columns, _WIDEST)

    def add(self, checks: Sequence[Check]) -> None:
        """Print one bot's part, if there is anything to say."""
        text = report.as_table(checks, verbose=self._verbose, width=self._width)
        if text:
            click.echo(f"{text}\n")

    def end(self, checks: Sequence[Check]) -> None:
        """Print what it comes to."""
        click.echo(report.summary(checks, verbose=self._verbose, width=self._width))


def _examine(
    config: Config,
    bots: Sequence[Bot],
    options: Options,
    redactor: Redactor,
    tell: Callable[[Sequence[Check]], None],
) -> tuple[Check, ...]:
    progress = Progress(sys.stderr)
    examination = Examination(config, bots, options, waiting=progress.show)
    checks: list[Check] = []
    try:
        with contextlib.closing(examination.run()) as parts:
            for part in parts:
                progress.clear()
                clean = [_clean(check, redactor) for check in part]
                checks.extend(clean)
                tell(clean)
    finally:
        progress.clear()
    return tuple(checks)


def _clean(check: Check, redactor: Redactor) -> Check:
    """Take secrets out before anything is wrapped or escaped."""
    detail, advice = redactor.redact(check.detail), redactor.redact(check.advice)
    return replace(check, detail=detail, advice=advice)
