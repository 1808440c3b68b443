"""Find the real Prometheus and Alertmanager tools."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools import find_tool

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


def find(name: str) -> str:
    """Path of a program that these tests cannot do without."""
    found = find_tool(name)
    if found is None:
        pytest.fail(f"{name} is not installed; `make tools` says how to get it")
    return str(found)


def _runner(name: str) -> Tool:
    program = find(name)

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [program, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=540,  # all rules over many minutes, beside other tests
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def promtool() -> Tool:
    """Run promtool and return what it said."""
    return _runner("promtool")


@pytest.fixture(scope="session")
def amtool() -> Tool:
    """Run amtool and return what it said."""
    return _runner("amtool")
