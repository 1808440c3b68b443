"""Command line of the exporter: serve, once, doctor, check-config."""

import logging
import queue
import signal
import sys
import threading
from pathlib import Path

import click

from exporter import __version__, command_line, config_file, doctor, doctor_report, log
from exporter.errors import ConfigError
from exporter.exposition import render_text
from exporter.runtime import Exporter
from exporter.server import Server, create_app

_PROGRAM = "tradewarden-exporter"
_ONCE_SECONDS = 30.0

_log = logging.getLogger(__name__)

_config_option = click.option(
    "--config.file",
    "config_path",
    default="tradewarden.yml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Configuration file, shared with tradewarden-remediation.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=_PROGRAM)
@click.option(
    "--log.level", "log_level", default="info", type=click.Choice(log.LEVELS), show_default=True
)
@click.option(
    "--log.format",
    "log_format",
    default="logfmt",
    type=click.Choice(log.FORMATS),
    show_default=True,
)
def cli(log_level: str, log_format: str) -> None:
    """Watch trading bots from outside and publish what their runbook calls symptoms."""
    log.set_up(log_level, log_format)


@cli.command()
@_config_option
@click.option(
    "--web.listen-address",
    "listen",
    default="127.0.0.1:9840",
    show_default=True,
    help="Address to listen on; port 0 picks a free one.",
)
def serve(config_path: Path, listen: str) -> None:
    """Serve /metrics until told to stop; SIGHUP reloads the configuration."""
    exporter = Exporter(config_path, config_file.load(config_path))
    try:
        address = f"127.0.0.1{listen}" if listen.startswith(":") else listen
        server = Server(create_app(exporter), address)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise click.ClickException(f"cannot listen on {listen}: {cause}") from error
    wishes: queue.SimpleQueue[str] = queue.SimpleQueue()
    signal.signal(signal.SIGTERM, lambda *_: wishes.put("stop"))
    signal.signal(signal.SIGINT, lambda *_: wishes.put("stop"))
    signal.signal(signal.SIGHUP, lambda *_: wishes.put("reload"))
    exporter.start()
    server.start()
    _log.info("listening", extra={"fields": {"address": server.address}})
    while wishes.get() != "stop":
        # In a thread of its own, so that a stop need not wait for it.
        threading.Thread(target=_reload, args=(exporter,), daemon=True).start()
    _log.info("stopping")
    server.stop()
    exporter.stop()


@cli.command()
@_config_option
def once(config_path: Path) -> None:
    """Ask every source once and print the metrics."""
    exporter = Exporter(config_path, config_file.load(config_path))
    exporter.start()
    try:
        if not exporter.wait_first_round(_ONCE_SECONDS):
            _log.warning("not every source answered in time")
        click.echo(render_text(exporter.metrics(_ONCE_SECONDS)), nl=False)
    finally:
        exporter.stop()


@cli.command(name="doctor")
@_config_option
@click.option("--verbose", "-v", is_flag=True, help="Show what passed, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.option(
    "--gate",
    type=click.Choice([doctor.RESUME]),
    help="Only, but strictly, what must be true before the bot is started.",
)
@click.option("--bot", "bot_name", help="Only this bot.")
def run_doctor(
    config_path: Path, verbose: bool, as_json: bool, gate: str | None, bot_name: str | None
) -> None:
    """Check everything once. Exit status: 0 all passed, 1 something did not, 2 not checked."""
    log.set_up("error", "logfmt")
    config = config_file.load(config_path)
    bots = [bot for bot in config.bots if bot_name in (None, bot.name)]
    if not bots:
        known = ", ".join(bot.name for bot in config.bots)
        raise click.BadParameter(
            f"{bot_name} is not configured; known: {known}", param_hint="--bot"
        )
    checks = doctor.examine(config, bots, gate)
    text = (
        doctor_report.as_json(checks, gate)
        if as_json
        else doctor_report.as_table(checks, verbose=verbose)
    )
    click.echo(doctor_report.Redactor(config, bots).redact(text))
    sys.exit(0 if checks and all(check.ok for check in checks) else 1)


@cli.command()
@_config_option
def check_config(config_path: Path) -> None:
    """Judge the configuration file. Exit status: 0 good, 1 not."""
    try:
        config = config_file.load(config_path)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    names = ", ".join(f"{bot.name} ({bot.mode})" for bot in config.bots)
    click.echo(f"{config_path}: good; bots: {names}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every mistake is one line and a non-zero exit."""
    sys.exit(command_line.run(cli, _PROGRAM, arguments, failure=2))


def _reload(exporter: Exporter) -> None:
    try:
        exporter.reload()
    except ConfigError:
        return  # logged where it happened; the old configuration stands


if __name__ == "__main__":
    main()
