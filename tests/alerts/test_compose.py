"""docker-compose.yml and Dockerfile, read as a person's Docker would read them."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exporter import config_file
from tests.alerts.conftest import find
from tests.alerts.rulefiles import REPO, read_yaml

_VARIABLE = re.compile(r"\$\{\w+:-([^}]*)\}")
_TEXT = (REPO / "docker-compose.yml").read_text(encoding="utf-8")
_DOCKERFILE = (REPO / "Dockerfile").read_text(encoding="utf-8")
_DEMO = REPO / "tests/configs/compose-demo.yml"

# Our images run one of our programs; what follows comes from the compose file.
_ENTRYPOINTS = {
    "exporter": [sys.executable, "-m", "exporter"],
    "remediation": [sys.executable, "-m", "remediation"],
    "simulator": [sys.executable],
    "bot": [sys.executable],
}
_TOOLS = {"prometheus": "prometheus", "alertmanager": "alertmanager"}


def _filled(value: Any) -> Any:
    """The value with every ${NAME:-default} replaced by its default."""
    if isinstance(value, str):
        return _VARIABLE.sub(r"\1", value)
    if isinstance(value, list):
        return [_filled(item) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()}
    return value


_COMPOSE = _filled(read_yaml(REPO / "docker-compose.yml"))
_SERVICES: Mapping[str, Mapping[str, Any]] = _COMPOSE["services"]
_EACH = pytest.mark.parametrize("name", list(_SERVICES))


def _mounts(name: str) -> list[tuple[str, str]]:
    """(source, target) of a service's volumes."""
    return [tuple(volume.split(":")[:2]) for volume in _SERVICES[name].get("volumes", ())]


def test_services() -> None:
    """Both programs, what they work with, and a demo that is only started on request."""
    assert {n for n, s in _SERVICES.items() if "profiles" not in s} == {
        "pod",
        "exporter",
        "remediation",
        "prometheus",
        "alertmanager",
        "grafana",
    }
    assert {n for n, s in _SERVICES.items() if s.get("profiles") == ["demo"]} == {
        "simulator",
        "bot",
    }


@_EACH
def test_mounts_exist(name: str) -> None:
    """Everything mounted is in the repository or is a declared volume."""
    for source, _ in _mounts(name):
        if source.startswith("."):
            assert (REPO / source).exists(), source
        else:
            assert source in _COMPOSE["volumes"]


@_EACH
def test_secrets_are_files_outside_the_repository(name: str) -> None:
    """Secrets are declared files that the head of the compose file says how to make."""
    for use in _SERVICES[name].get("secrets", ()):
        secret = use if isinstance(use, str) else use["source"]
        file = Path(_COMPOSE["secrets"][secret]["file"])
        assert file.parent == Path("secrets")
        made = re.search(r"for name in ([^;]*); do", _TEXT)
        assert made is not None
        assert file.stem in made[1].split()
    for value in _SERVICES[name].get("environment", {}).values():
        assert not re.search(r"[0-9a-f]{16}", str(value))


@_EACH
def test_every_service_is_contained(name: str) -> None:
    """Read-only root, no capabilities, no new privileges, and something checks its health."""
    service = _SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert "privileged" not in service
    # The bot's one supervisor is remediation; everything else Docker keeps alive.
    assert service["restart"] == ("no" if name == "bot" else "unless-stopped")


@_EACH
def test_one_pod(name: str) -> None:
    """All share one network, so the shipped 127.0.0.1 targets hold; ours share processes."""
    service = _SERVICES[name]
    if name == "pod":
        assert service["init"] is True
        return
    assert service["network_mode"] == "service:pod"
    assert "ports" not in service
    ours = name in {"exporter", "remediation", "simulator", "bot"}
    assert service.get("pid") == ("service:pod" if ours else None)


def test_ports_are_published_on_loopback_only() -> None:
    """Nothing is reachable from another machine."""
    for port in _SERVICES["pod"]["ports"]:
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port), port


def test_every_prometheus_target_is_a_service_that_listens_there() -> None:
    """Each target of the shipped prometheus.yml is a port that a service's command opens."""
    listening = {
        flag.rpartition(":")[2]
        for service in _SERVICES.values()
        for flag in service.get("command", ())
        if flag.startswith("--web.listen-address=")
    }
    for job in read_yaml(REPO / "alerts/prometheus.yml")["scrape_configs"]:
        (target,) = job["static_configs"][0]["targets"]
        host, port = target.split(":")
        assert host == "127.0.0.1"
        assert port in listening, job["job_name"]


@_EACH
def test_healthchecks_ask_at_a_port_that_is_opened(name: str) -> None:
    """A healthcheck's URL has a port that appears among the service's own or published ones."""
    service = _SERVICES[name]
    for port in re.findall(r"127\.0\.0\.1:(\d+)", " ".join(service["healthcheck"]["test"])):
        flags = " ".join(service.get("command", ()))
        published = " ".join(_SERVICES["pod"]["ports"])
        assert port in flags or (name == "grafana" and port in published)


@_EACH
def test_shipped_files_land_where_the_commands_look(name: str) -> None:
    """A --config.file in a command is a mounted file."""
    targets = [target for _, target in _mounts(name)]
    for flag in _SERVICES[name].get("command", ()):
        if flag.startswith("--config.file="):
            assert flag.partition("=")[2] in targets


def test_grafana_finds_its_dashboards() -> None:
    """The provider's path is where the dashboards are mounted."""
    provider = read_yaml(REPO / "grafana/provisioning/dashboards/tradewarden.yml")["providers"][0]
    assert provider["options"]["path"] in [target for _, target in _mounts("grafana")]


@pytest.mark.parametrize("name", list(_ENTRYPOINTS))
def test_our_programs_accept_their_flags(name: str) -> None:
    """Every command line is one that our own programs understand."""
    command = _SERVICES[name]["command"]
    done = subprocess.run(
        [*_ENTRYPOINTS[name], *command, "--help"],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", list(_TOOLS))
def test_prometheus_and_alertmanager_know_their_flags(name: str) -> None:
    """Every flag in their commands exists in the oldest version supported."""
    done = subprocess.run(
        [find(_TOOLS[name]), "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    known = done.stdout + done.stderr
    for flag in _SERVICES[name]["command"]:
        assert f"{flag.partition('=')[0]}=" in known, flag


@pytest.mark.parametrize("name", ["prometheus", "alertmanager", "grafana"])
def test_images_are_pinned_and_can_be_chosen(name: str) -> None:
    """A version each, which the environment can replace."""
    assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", _SERVICES[name]["image"])
    assert f"{name.upper()}_VERSION:-" in _TEXT


def test_images_are_stages_of_the_dockerfile() -> None:
    """Each image that is built has its stage."""
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", _DOCKERFILE, re.MULTILINE))
    for service in _SERVICES.values():
        if "build" in service:
            assert service["build"]["target"] in stages


def test_dockerfile() -> None:
    """Pinned base, only hashed packages, no root, and the simulator in the demo alone."""
    bases = set(re.findall(r"^FROM (\S+) AS", _DOCKERFILE, re.MULTILINE))
    assert bases == {"python:3.11-slim-bookworm", "base"}
    assert "--require-hashes -r requirements.lock" in _DOCKERFILE
    assert re.findall(r"^USER (\S+)$", _DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    stages = re.split(r"^FROM .* AS (\w+)$", _DOCKERFILE, flags=re.MULTILINE)[1:]
    with_tests = [
        n for n, body in zip(stages[::2], stages[1::2], strict=True) if "COPY tests/" in body
    ]
    assert with_tests == ["demo"]
    for program in ("exporter", "remediation"):
        assert f'ENTRYPOINT ["tradewarden-{program}"]' in _DOCKERFILE


def test_what_the_dockerfile_copies_is_let_in() -> None:
    """Every copied path is named in .dockerignore, which lets nothing else in."""
    lines = (REPO / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    copied = re.findall(r"^COPY (?!--from)(\S+) ", _DOCKERFILE, re.MULTILINE)
    assert {f"!{path}" for path in copied} == {line for line in lines if line.startswith("!")}


def test_the_demo_configuration_is_valid_and_meets_the_simulator() -> None:
    """The demo's file is accepted, and its addresses are those the simulator opens."""
    config = config_file.load(_DEMO)
    (bot,) = config.bots
    flags = dict(f[2:].split("=") for f in _SERVICES["simulator"]["command"] if "=" in f)
    assert bot.venue.base_url == f"http://127.0.0.1:{flags['exchange-port']}"
    first = int(flags["ntp-port"])
    assert config.exporter.ntp_servers == tuple(f"127.0.0.1:{first + i}" for i in range(4))
    slew = bot.commands.resync_clock.slew
    assert slew is not None
    assert slew[-1] == f"http://127.0.0.1:{flags['control-port']}"
    assert bot.root == _SERVICES["bot"]["command"][2]


def test_the_demo_configurations_secrets_are_mounted() -> None:
    """The token files that the configuration names are secrets of remediation."""
    settings = config_file.load(_DEMO).remediation
    mounted = {use["target"] for use in _SERVICES["remediation"]["secrets"]}
    named = {settings.webhook_token_file, *(o.token_file for o in settings.operators)}
    assert named == mounted
    # Alertmanager sends with the very same secret.
    (use,) = _SERVICES["alertmanager"]["secrets"]
    assert use == {"source": "webhook_token", "target": settings.webhook_token_file}
