"""One stem per scenario, everywhere: a scenario that exists in one place exists in all."""

from pathlib import Path

from exporter.collectors import COLLECTORS
from remediation.playbooks import PLAYBOOKS
from tests.sim.faults import FAULTS

_PROJECT = Path(__file__).resolve().parents[1]
_STEMS = frozenset(
    {
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
    }
)
_PLACES = (
    "exporter/collectors/{}.py",
    "remediation/playbooks/{}.py",
    "alerts/rules/{}.yml",
    "alerts/tests/{}.yml",
    "alerts/runbooks/{}.md",
    "tests/sim/faults/{}.py",
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
    return names & _STEMS


def _registered() -> dict[str, set[str]]:
    return {
        "exporter.collectors.COLLECTORS": {c.name for c in COLLECTORS} & _STEMS,
        "remediation.playbooks.PLAYBOOKS": set(PLAYBOOKS),
        "tests.sim.faults.FAULTS": {fault.scenario for fault in FAULTS},
    }


def test_every_scenario_is_complete() -> None:
    """Each stem that is found anywhere has its file in every folder and its line in every list."""
    found = {place: _stems_at(place) for place in _PLACES} | _registered()
    everything = set().union(*found.values())
    missing = [
        place.format(stem) if "{}" in place else f"{stem} in {place}"
        for place, stems in found.items()
        for stem in sorted(everything - stems)
    ]
    assert not missing, f"missing: {', '.join(missing)}"
    assert everything, "no scenario at all"


def test_registries_hold_only_known_scenarios() -> None:
    """A registry entry under a name that the runbook does not have is a typing error."""
    for registry, stems in _registered().items():
        assert stems <= _STEMS, f"{registry}: {stems - _STEMS}"
