"""Inject a fault into the compose demo: ``python -m tests.configs.compose_fault SCENARIO``."""

import json
import urllib.error
import urllib.request

import click

from tests.sim.simulator import CONTROL_PORT


@click.command()
@click.argument("scenario")
@click.option("--control", default=f"http://127.0.0.1:{CONTROL_PORT}", show_default=True)
def main(scenario: str, control: str) -> None:
    """Inject SCENARIO, such as clock_drift, kill_switch or process_crash."""
    request = urllib.request.Request(
        f"{control}/faults",
        data=json.dumps({"scenario": scenario}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            click.echo(response.read())
    except urllib.error.HTTPError as error:
        with error:
            raise click.ClickException(error.read().decode(errors="replace")) from error
    except OSError as error:
        raise click.ClickException(f"{control}: {error}") from error


if __name__ == "__main__":
    main()
