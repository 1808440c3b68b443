"""Programs that only some tests need; ``make soak`` unpacks them into ``.tools``."""

import os
import shutil
from pathlib import Path

import pytest

_UNPACKED = Path(__file__).resolve().parents[2] / ".tools/usr"


def program(name: str) -> str:
    """Return a program's path; skip the test where it is not installed."""
    folders = (_UNPACKED / "bin", _UNPACKED / "sbin", os.environ["PATH"], "/usr/sbin")
    if (found := shutil.which(name, path=os.pathsep.join(map(str, folders)))) is None:
        pytest.skip(f"{name} is not installed (sh tests/prepare.sh soak_tools)")
    return found
