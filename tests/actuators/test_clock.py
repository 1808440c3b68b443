"""Which clock command is chosen, and that only configured ones run here."""

import ast
import json
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import Bot, Config, ResyncClock
from remediation.actuators import build_actuators
from remediation.actuators.clock import ClockActuator
from remediation.actuators.command import CommandActuator
from remediation.actuators.sessions import Spawn
from remediation.errors import ActionError, ActionReason
from tests.actuators.conftest import CLOCK_TOOLS, STEP, with_commands

TESTS = Path(__file__).resolve().parents[1]
# Besides the stubbed ones, what could reach a clock through something else.
FORBIDDEN = {*CLOCK_TOOLS, "systemd-timesyncd", "adjtime", "clock_settime", "settimeofday"}


def _clock(
    command: CommandActuator,
    *,
    platform: str = "linux",
    tools: Collection[str] = ("chronyc", "systemctl", "ntpdate", "sntp", "w32tm"),
    daemons: Collection[str] = (),
) -> ClockActuator:
    return ClockActuator(
        command,
        command_seconds=5,
        platform=platform,
        which=lambda name: f"/usr/bin/{name}" if name in tools else None,
        daemons=lambda: daemons,
    )


@pytest.mark.parametrize(
    ("platform", "daemons", "expected"),
    [
        (
            "linux",
            ["chronyd"],
            [("slew", "chronyc -a burst 4/4"), ("step", "chronyc -a makestep")],
        ),
        (
            "linux",
            ["systemd-timesyncd"],
            [("step", "systemctl restart systemd-timesyncd")],
        ),
        ("linux", ["ntpd"], []),
        (
            "linux",
            [],
            [
                ("slew", "ntpdate -B -s pool.ntp.org"),
                ("step", "ntpdate -b -s pool.ntp.org"),
                ("slew", "sntp -s pool.ntp.org"),
                ("step", "sntp -sS pool.ntp.org"),
            ],
        ),
        (
            "darwin",
            [],
            [("slew", "sntp -s pool.ntp.org"), ("step", "sntp -sS pool.ntp.org")],
        ),
        ("win32", [], [("step", "w32tm /resync /force")]),
    ],
    ids=["chrony", "timesyncd", "ntpd", "no daemon", "macos", "windows"],
)
def test_the_host_decides_the_choice(
    command: CommandActuator,
    bot: Bot,
    platform: str,
    daemons: list[str],
    expected: list[tuple[str, str]],
) -> None:
    """Each system's tool, each declared as what it does; beside a foreign daemon nothing."""
    chosen = _clock(command, platform=platform, daemons=daemons).choose(bot)
    assert [(c.method, " ".join(c.argv)) for c in chosen] == expected


def test_a_tool_that_is_not_there_is_not_chosen(command: CommandActuator, bot: Bot) -> None:
    """A daemon without its client has no command."""
    assert _clock(command, tools=(), daemons=["chronyd"]).choose(bot) == ()


def test_configured_commands_replace_the_hosts_entirely(
    command: CommandActuator, bot: Bot, spawns: list[Spawn]
) -> None:
    """Who configures only a slew never gets the host's step."""
    bot = with_commands(bot, resync_clock=ResyncClock(slew=("touch", "slewed")))
    clock = _clock(command, daemons=["chronyd"])
    assert [c.origin for c in clock.choose(bot)] == ["configured"]
    with pytest.raises(ActionError, match="no command of this host can step the clock") as caught:
        clock.resync(bot, "step", f"{STEP}-1")
    assert caught.value.reason is ActionReason.NOT_CONFIGURED
    assert spawns == []


def test_only_the_configured_command_runs(
    command: CommandActuator, bot: Bot, root: Path, clock_tools: Path
) -> None:
    """With every host tool on the PATH, each would tell if it were called; none is."""
    resync = ResyncClock(slew=("touch", "slewed"), step=("touch", "stepped"))
    bot = with_commands(bot, resync_clock=resync)
    clock = ClockActuator(command, command_seconds=60)
    assert clock.resync(bot, "slew", f"{STEP}-1").exit_status == 0
    assert (root / "slewed").exists()
    assert not (root / "stepped").exists()
    clock.resync(bot, "step", f"{STEP}-2")
    assert (root / "stepped").exists()
    assert not clock_tools.exists()


def test_the_stubs_do_tell(command: CommandActuator, root: Path, clock_tools: Path) -> None:
    """Without this the test above could not fail."""
    for tool in CLOCK_TOOLS:
        assert shutil.which(tool) == str(clock_tools.parent / "bin" / tool)
        command.run([tool, "--version"], cwd=root, deadline=60, step_id=STEP)
    assert clock_tools.read_text().splitlines() == [f"{tool} --version" for tool in CLOCK_TOOLS]


def test_a_failing_or_hanging_command_is_an_error(command: CommandActuator, bot: Bot) -> None:
    """Status and words of the tool are the reason."""
    resync = ResyncClock(slew=("sh", "-c", "echo not synchronised; exit 1"), step=("sleep", "60"))
    bot = with_commands(bot, resync_clock=resync)
    with pytest.raises(ActionError, match="status 1: not synchronised") as caught:
        ClockActuator(command, command_seconds=60).resync(bot, "slew", f"{STEP}-1")
    assert caught.value.reason is ActionReason.EXIT_STATUS
    with pytest.raises(ActionError) as caught:
        ClockActuator(command, command_seconds=0.5).resync(bot, "step", f"{STEP}-1")
    assert caught.value.reason is ActionReason.TIMEOUT


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    else:
        yield str(node)


def _program_words(path: Path) -> Iterator[str]:
    """Every word of every text that could be an argument of a command."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(content)
        docs = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        texts = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docs
        ]
        texts += [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        # A sentence may speak of a tool; an argument, or a script's line, is short.
        texts = [text for text in texts if len(text.split()) <= 6]
    elif path.suffix == ".json":
        texts = list(_texts(json.loads(content)))
    else:
        texts = [text for document in yaml.safe_load_all(content) for text in _texts(document)]
    for text in texts:
        yield from re.split(r"[\s/]+", text)


def test_no_test_or_demo_can_reach_a_host_clock() -> None:
    """No configuration and no script under tests names a tool that sets a clock."""
    # These name the tools in order to catch their use.
    watchers = {*Path(__file__).parent.iterdir(), TESTS / "stack/test_demo.py"}
    # These ask a time service how it stands: stand-ins of a test's own, and one real chronyd
    # with -x, without the capability to set anything.
    askers = {
        TESTS / "sources/test_clock_daemons.py",
        TESTS / "sources/test_chronyd.py",
        TESTS / "watches/test_host.py",
        TESTS / "hostile/test_deadline.py",
    }
    checked, guilty = 0, []
    for path in sorted(TESTS.rglob("*")):
        if path.suffix not in (".py", ".yml", ".yaml", ".json") or path in watchers | askers:
            continue
        try:
            words = set(_program_words(path))
        except (yaml.YAMLError, ValueError, SyntaxError):
            continue  # broken on purpose, and then not runnable either
        checked += 1
        # "date" alone is a common word of JSON and HTTP; as a tool it needs an argument.
        if bad := words & (FORBIDDEN - {"date", "sntp"}):
            guilty.append(f"{path.relative_to(TESTS)}: {', '.join(sorted(bad))}")
    assert checked > 0
    assert guilty == []


def test_every_configuration_in_tests_replaces_the_hosts_commands() -> None:
    """A bot in a test's configuration file must not fall back on what the host has."""
    unguarded = []
    for path in [*TESTS.rglob("*.yml"), *TESTS.rglob("*.yaml")]:
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, ValueError):
            continue
        settings = document.get("remediation") if isinstance(document, dict) else None
        if not isinstance(settings, dict) or settings.get("dry_run", True) is not False:
            continue  # a receiver in dry-run never runs a command
        unguarded += [
            f"{path.relative_to(TESTS)}: {bot.get('name')}"
            for bot in document.get("bots") or ()
            if not (bot.get("commands") or {}).get("resync_clock")
        ]
    assert unguarded == []


def test_the_hands_are_built_from_the_configuration(
    bot: Bot, root: Path, spawns: list[Spawn]
) -> None:
    """One call gives all four, with the journal's callback in place."""
    hands = build_actuators(Config(bots=(bot,)), spawns.append)
    assert hands.command.run(["true"], cwd=root, deadline=60, step_id=STEP).exit_status == 0
    assert [spawn.step_id for spawn in spawns] == [STEP]
    assert hands.process.stop(bot, STEP) == "no process of the bot was running"
    assert hands.bot.lift(bot, None) == "no pause is set"
