"""Command line of the remediation receiver."""

import sys
from pathlib import Path

import click

from exporter import command_line, log
from exporter.config_file import load
from remediation import __version__
from remediation.auth import check_tokens
from remediation.explain import explain as explain_playbook
from remediation.operate import COMMANDS
from remediation.playbooks import PLAYBOOKS
from remediation.serve import serve as run_receiver

_PROGRAM = "tradewarden-remediation"
_config_file = click.option(
    "--config.file",
    "config_file",
    type=click.Path(path_type=Path),
    default="tradewarden.yml",
    show_default=True,
    help="Configuration file, shared with the exporter.",
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,  # a mistake is one line, not a page
)
@click.version_option(__version__, prog_name=_PROGRAM)
@click.option(
    "--log.level", "level", type=click.Choice(log.LEVELS), default="info", show_default=True
)
@click.option(
    "--log.format", "style", type=click.Choice(log.FORMATS), default="logfmt", show_default=True
)
def cli(*, level: str, style: str) -> None:
    """Turn alerts into guarded, journalled and proved recoveries of a trading bot."""
    log.set_up(level, style)


@cli.command()
@_config_file
@click.option(
    "--web.listen-address",
    "listen",
    default="127.0.0.1:9841",
    show_default=True,
    help="Address to listen on; port 0 picks a free one.",
)
def serve(*, config_file: Path, listen: str) -> None:
    """Receive alerts and run playbooks until told to stop."""
    run_receiver(config_file, listen)


@cli.command("check-config")
@_config_file
def check_config(*, config_file: Path) -> None:
    """Judge the configuration and the tokens it refers to; exit 0 or 1."""
    config = load(config_file)
    check_tokens(config.remediation)
    dry = "dry-run" if config.remediation.dry_run else "acting"
    people = len(config.remediation.operators)
    click.echo(f"{config_file}: good; bots: {len(config.bots)}, operators: {people}, {dry}")


@cli.command()
@click.argument("scenario", type=click.Choice(sorted(PLAYBOOKS)))
@click.option("--config.file", "config_file", hidden=True)
@click.option("--url", hidden=True)
def explain(*, scenario: str, config_file: str | None, url: str | None) -> None:
    """Print a playbook beside the runbook section it implements."""
    del config_file, url  # taken so that every command has the same options
    click.echo(explain_playbook(PLAYBOOKS[scenario]), nl=False)


for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command; what goes wrong on purpose is one line and exit status 1."""
    sys.exit(command_line.run(cli, _PROGRAM, None, failure=1))


if __name__ == "__main__":
    main()
