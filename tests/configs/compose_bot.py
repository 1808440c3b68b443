"""Install and become the compose demo's bot: ``python -m tests.configs.compose_bot ROOT READY``.

The bot's code is copied into its root, as a real bot's would be: whoever restarts
it needs nothing but the root, so the images of exporter and remediation stay free
of the simulator.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import click

_CODE = Path(__file__).resolve().parents[1]
_ROLES = ("exporter", "remediation")


def install(root: Path, ready_file: Path) -> None:
    """Put code, configuration and keys into ``root``; tell the simulator about it."""
    ready = json.loads(ready_file.read_text(encoding="utf-8"))
    shutil.copytree(
        _CODE, root / "tests", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    # From the copy, so that the script it writes finds the code beside itself.
    subprocess.run(
        [sys.executable, "-m", "tests.sim.install", str(root), "--ready-file", str(ready_file)],
        cwd=root,
        check=True,
        timeout=60,
    )
    keys = root / "tradewarden.env"
    keys.touch(mode=0o600)
    keys.write_text(
        "".join(
            f"{role.upper()}_{half.upper()}={ready[f'{role}_{half}']}\n"
            for role in _ROLES
            for half in ("key", "secret")
        ),
        encoding="utf-8",
    )
    request = urllib.request.Request(
        f"{ready['control']}/bot",
        data=json.dumps({"name": "alpha", "root": str(root)}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        response.read()


@click.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.argument("ready_file", type=click.Path(exists=True, path_type=Path))
def main(root: Path, ready_file: Path) -> None:
    """Install the bot, then turn into it."""
    install(root, ready_file)
    os.chdir(root)
    script = ["script_live.py", "--config", "configs/config_live.yaml"]
    os.execv(sys.executable, [sys.executable, *script])


if __name__ == "__main__":
    main()
