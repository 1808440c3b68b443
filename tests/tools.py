"""Find the real Prometheus and Alertmanager programs: unpacked by make, else on PATH."""

import shutil
from pathlib import Path

_UNPACKED = Path(__file__).resolve().parents[1] / ".tools/usr/bin"

# Debian prefixes the one name that another package had taken.
_NAMES = {"alertmanager": ("alertmanager", "prometheus-alertmanager")}


def find_tool(name: str) -> Path | None:
    """The program's path, or None if this machine has none."""
    for candidate in _NAMES.get(name, (name,)):
        if (unpacked := _UNPACKED / candidate).is_file():
            return unpacked
        if found := shutil.which(candidate):
            return Path(found)
    return None
