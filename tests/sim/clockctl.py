"""The simulated host's clock command: ``python -m tests.sim.clockctl slew|step --control URL``.

It corrects the simulator's clocks and no other.
"""

import json
import sys
import urllib.request

import click


@click.command()
@click.argument("action", type=click.Choice(["slew", "step"]))
@click.option("--control", required=True, help="The simulator's control address.")
def main(action: str, control: str) -> None:
    """Correct the simulated local clock."""
    request = urllib.request.Request(
        f"{control}/clock",
        data=json.dumps({"action": action}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            removed = json.load(response)["removed_seconds"]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"clockctl: {control}: {error}")
    print(f"{action}: removed {removed:+.3f} s")


if __name__ == "__main__":
    main()
