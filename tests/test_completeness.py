"""One stem per scenario, everywhere: the exporter's layer has all ten, remediation's agrees."""

from collections.abc import Mapping
from pathlib import Path

from exporter.collectors import COLLECTORS
from exporter.scenarios import SCENARIOS
from remediation.playbooks import PLAYBOOKS
from tests.alerts.rulefiles import RULES
from tests.sim.faults import FAULTS

_PROJECT = Path(__file__).resolve().parents[1]

# The runbook's ten sections, in its order.
_STEMS = (
    "network_disconnection",
    "clock_drift",
    "kill_switch",
    "partial_fills",
    "exchange_maintenance",
    "process_crash",
    "data_corruption",
    "api_key",
    "position_mismatch",
    "memory_exhaustion",
)
_SEEN = (
    "exporter/collectors/{}.py",
    "exporter/doctor/{}.py",
    "alerts/rules/{}.yml",
    "alerts/tests/{}.yml",
    "alerts/runbooks/{}.md",
    "tests/sim/faults/{}.py",
    "tests/symptoms/test_{}.py",
)
_REPAIRED = (
    "remediation/playbooks/{}.py",
    "tests/scenarios/test_{}.py",
    "tests/playbooks/test_{}.py",
)


def _stems_at(place: str) -> set[str]:
    folder, _, pattern = place.rpartition("/")
    before, after = pattern.split("{}")
    names = {
        path.name.removeprefix(before).removesuffix(after)
        for path in (_PROJECT / folder).glob(f"{before}*{after}")
    }
    return names.intersection(_STEMS)


def _missing(found: Mapping[str, set[str]], expected: set[str]) -> list[str]:
    """What to write, file by file and line by line."""
    return [
        place.format(stem) if "{}" in place else f"{stem} in {place}"
        for place, stems in found.items()
        for stem in sorted(expected - stems)
    ]


def test_every_scenario_can_be_seen() -> None:
    """Each of the ten has collector, rules, rule tests, runbook and fault, and is registered."""
    found = {place: _stems_at(place) for place in _SEEN} | {
        "exporter.collectors.COLLECTORS": {collector.name for collector in COLLECTORS},
        "tests.sim.faults.FAULTS": {fault.scenario for fault in FAULTS},
    }
    assert not _missing(found, set(_STEMS))


def test_every_repair_is_complete() -> None:
    """A scenario with a playbook, its line in the registry or its tests has all of them."""
    found = {place: _stems_at(place) for place in _REPAIRED}
    found["remediation.playbooks.PLAYBOOKS"] = set(PLAYBOOKS)
    everything = set().union(*found.values())
    assert everything, "no playbook at all"
    assert not _missing(found, everything)


def test_only_what_has_a_playbook_asks_for_one() -> None:
    """Alerts carry remediate where a playbook exists, and nowhere else."""
    assert {rule.stem for rule in RULES if rule.remediable} == set(PLAYBOOKS)


def test_registries_hold_only_known_scenarios() -> None:
    """A registry entry under a name that the runbook does not have is a typing error."""
    assert tuple(scenario.stem for scenario in SCENARIOS) == _STEMS
    assert set(PLAYBOOKS) <= set(_STEMS)
    assert {fault.scenario for fault in FAULTS} <= set(_STEMS)
