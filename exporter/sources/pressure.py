"""Pressure stall information: how much of the time tasks waited for a resource.

Format of /proc/pressure/* and of cgroup v2 ``*.pressure`` (kernel documentation, PSI):
``some avg10=0.00 avg60=0.00 avg300=0.00 total=0``, percentages.
"""

import re

_LINE = re.compile(r"^(some|full) avg10=([0-9]{1,3}(?:\.[0-9]+)?)(?: |$)", re.MULTILINE | re.ASCII)


def parse(text: str) -> dict[str, float]:
    """Return the share of the last ten seconds by kind, 0 to 1; empty if there is none."""
    return {kind: min(1.0, float(percent) / 100) for kind, percent in _LINE.findall(text)}
