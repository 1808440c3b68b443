"""Command line of the exporter: serve, once, doctor, check-config."""

import sys

import click

from exporter import __version__, command_line
from exporter.cli_check import check_config, once
from exporter.cli_doctor import run_doctor
from exporter.cli_options import log_options
from exporter.cli_serve import serve

_PROGRAM = "tradewarden-exporter"


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,  # a mistake is one line, not a page
)
@click.version_option(__version__, prog_name=_PROGRAM)
@log_options
def cli() -> None:
    """Watch trading bots from outside and publish what their runbook calls symptoms."""


for command in (serve, once, run_doctor, check_config):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every mistake is one line and a non-zero exit."""
    sys.exit(command_line.run(cli, _PROGRAM, arguments, failure=2))


if __name__ == "__main__":
    main()
