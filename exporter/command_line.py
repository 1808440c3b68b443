"""How both programs end: every mistake is one line on stderr and a non-zero status."""

import click

from exporter.errors import TradewardenError

_INTERRUPTED = 130


def run(cli: click.Command, program: str, arguments: list[str] | None, *, failure: int) -> int:
    """Run a command line and return its exit status.

    Args:
        cli: the click command.
        program: its name, as errors begin with it.
        arguments: instead of the process' own.
        failure: the status for what goes wrong on purpose; wrong usage is click's 2.
    """
    try:
        cli.main(arguments, prog_name=program, standalone_mode=False)
    except click.exceptions.Abort:
        return _INTERRUPTED
    except click.ClickException as error:
        click.echo(f"{program}: {' '.join(error.format_message().split())}", err=True)
        return error.exit_code
    except TradewardenError as error:
        click.echo(f"{program}: {error}", err=True)
        return failure
    return 0
