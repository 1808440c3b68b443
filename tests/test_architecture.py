"""Who may import whom, who may touch the world, and how long a file may be."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

_PROJECT = Path(__file__).resolve().parents[1]
_LINES = 300
_FORBIDDEN_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc"})

# What reaches outside the process, and the one package of each program that may.
_WORLD = frozenset(
    {
        *("httpx", "httpcore", "websockets", "urllib.request"),
        *("psutil", "ntplib", "socket", "subprocess"),
    }
)
_MAY_TOUCH = {
    # web is asked by our own side, Prometheus and people; it asks nobody.
    "exporter": ("exporter.sources", "exporter.web"),
    # alerting and client speak to our own side: Alertmanager, Prometheus, the receiver.
    "remediation": ("remediation.actuators", "remediation.alerting", "remediation.client"),
}


def _modules(package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((_PROJECT / package).rglob("*.py")):
        parts = path.relative_to(_PROJECT).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _below(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _offenders(package: str, forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, path in _modules(package)
        for name in sorted(set(_imports(path)))
        if _below(name, forbidden)
    ]


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("exporter", ("remediation", "tests", "grafana")),
        ("remediation", ("tests", "grafana", "exporter.collectors", "exporter.web")),
        ("exporter/sources", ("exporter.collectors", "exporter.web", "exporter.scrape")),
        ("exporter/collectors", ("exporter.sources", "exporter.web", "exporter.poller")),
        ("remediation/actuators", ("remediation.playbooks", "remediation.runner")),
    ],
)
def test_imports_go_one_way(package: str, forbidden: tuple[str, ...]) -> None:
    """Data flows sources → collectors → … → actuators; nobody imports backwards."""
    assert not _offenders(package, forbidden)


@pytest.mark.parametrize("package", sorted(_MAY_TOUCH))
def test_the_world_is_touched_in_one_place(package: str) -> None:
    """The watched world is read only in sources/ and changed only in actuators/."""
    offenders = [
        f"{module} imports {name}"
        for module, path in _modules(package)
        if not _below(module, _MAY_TOUCH[package])
        for name in sorted(_WORLD.intersection(_imports(path)))
    ]
    assert not offenders


def test_collectors_do_no_input_or_output() -> None:
    """A collector turns readings into metrics and knows neither files nor clocks."""
    forbidden = ("os", "pathlib", "time", "subprocess", "socket", "threading")
    assert not _offenders("exporter/collectors", forbidden)


def test_the_exporter_knows_no_order_request() -> None:
    """Read-only by construction: no request in exporter/ has a method but GET."""
    found = [
        f"{module}: {match.group(0)}"
        for module, path in _modules("exporter/sources/exchange")
        for match in re.finditer(
            r'\.(?:post|put|delete|patch)\(|"(?:POST|PUT|DELETE|PATCH)"', path.read_text()
        )
    ]
    assert not found


def _own_files() -> list[Path]:
    """The project's own Python files; a fresh machine may have no git to ask."""
    made_here = {".venv", ".venv-clients", ".tools", "build"}
    return [
        path
        for path in _PROJECT.rglob("*.py")
        if made_here.isdisjoint(path.relative_to(_PROJECT).parts)
    ]


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    """At most 300 lines; split by subject."""
    long = {
        str(path.relative_to(_PROJECT)): lines
        for path in _own_files()
        if (lines := len(path.read_text().splitlines())) > _LINES
    }
    assert not long


def test_no_module_is_named_after_nothing() -> None:
    """utils, helpers and common say nothing about what is in them."""
    named = [str(p) for p in _own_files() if p.stem in _FORBIDDEN_NAMES]
    assert not named
