"""``check-config`` and ``once``: what one runs by hand before serving."""

import logging
from pathlib import Path

import click

from exporter import config_file, rate_plan
from exporter.cli_options import config_option, log_options
from exporter.errors import ConfigError
from exporter.exposition import render_text
from exporter.runtime import Exporter
from exporter.web.access import Access
from exporter.web.web_config import WebConfigFile

_ONCE_SECONDS = 30.0

_log = logging.getLogger(__name__)


@click.command()
@config_option
@log_options
@click.option(
    "--web.config.file",
    "web_config_path",
    type=click.Path(path_type=Path),
    help="Judge this web configuration file, too.",
)
def check_config(config_path: Path, web_config_path: Path | None) -> None:
    """Judge the configuration file. Exit status: 0 good, 1 not."""
    check_files(config_path, web_config_path)


def check_files(config_path: Path, web_config_path: Path | None) -> None:
    """Print that the files are good, and what in them will not work out.

    Raises:
        click.ClickException: what is wrong with the first that is not.
    """
    try:
        config = config_file.load(config_path)
        if web_config_path is not None:
            Access(WebConfigFile(web_config_path)).examine()
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    names = ", ".join(f"{bot.name} ({bot.mode})" for bot in config.bots)
    click.echo(f"{config_path}: good; bots: {names}")
    for hint in rate_plan.hints(config):
        click.echo(f"{config_path}: hint: {hint}")
    if web_config_path is not None:
        click.echo(f"{web_config_path}: good")


@click.command()
@config_option
@log_options
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
