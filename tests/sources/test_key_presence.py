"""Is each role's key where it should be? Real files, and a stand-in for systemctl on the path."""

import os
from pathlib import Path
from typing import Any

import pytest

from exporter.keys import KeyPresence, flaw
from exporter.sources.key_presence import read_presences
from tests.sources.bots import make_bot, write

_NAMES = {"key": "TW_KEY", "secret": "TW_SECRET"}
_PAIR = "TW_KEY=abc123\nTW_SECRET=def456\n"


def _read(root: Path, role: str, credentials: dict[str, str], unit: str = "") -> KeyPresence:
    venue = {
        "kind": "binance_spot",
        "base_url": "http://127.0.0.1:9",
        "credentials": {role: credentials},
    }
    process = {"systemd_unit": unit} if unit else {"pidfile": "state/bot.pid"}
    (found,) = read_presences(make_bot(root, venue=venue, process=process), pause=lambda _: None)
    return found


def _env_file(root: Path, content: str) -> dict[str, str]:
    return {"env_file": str(write(root, "bot.env", content)), **_NAMES}


@pytest.mark.parametrize("role", ["bot", "exporter", "remediation"])
@pytest.mark.parametrize(
    ("content", "present"),
    [
        (_PAIR, True),
        ("# keys\nexport TW_KEY='abc123'\r\n TW_SECRET=\"def456\" \r\n", True),
        ("TW_KEY=abc123\nTW_SECRET=\n", False),
        ('TW_KEY=""\nTW_SECRET=def456\n', False),
        ("TW_KEY=   \nTW_SECRET=def456\n", False),
        ("#TW_KEY=abc123\nTW_SECRET=def456\n", False),
        ("XTW_KEY=abc123\nTW_SECRET=def456\n", False),
        ("", False),
    ],
)
def test_a_key_in_an_env_file(root: Path, role: str, content: str, present: bool) -> None:
    """Both names with a value, whatever surrounds them."""
    found = _read(root, role, _env_file(root, content))
    assert found.present is present
    assert (found.key is not None) is present
    assert "abc123" not in found.detail


@pytest.mark.parametrize("role", ["bot", "exporter", "remediation"])
def test_an_env_file_that_is_gone_holds_no_key(root: Path, role: str) -> None:
    """That is known, and not a reason to be unsure."""
    found = _read(root, role, {"env_file": str(root / "gone.env"), **_NAMES})
    assert found.present is False
    assert "gone.env" in found.detail


@pytest.mark.parametrize(
    ("role", "present"), [("bot", None), ("remediation", None), ("exporter", False)]
)
def test_a_file_that_we_may_not_read(root: Path, role: str, present: bool | None) -> None:
    """It may hold a key for others; for ourselves it holds none."""
    (root / "bot.env").mkdir()  # not even root can read a directory as a file
    found = _read(root, role, {"env_file": str(root / "bot.env"), **_NAMES})
    assert found.present is present
    assert found.key is None
    assert found.in_reach, "the configuration says that it is for us to read"


@pytest.mark.parametrize("role", ["bot", "remediation", "exporter"])
def test_permissions_put_a_key_out_of_reach(root: Path, role: str) -> None:
    """Whoever keeps the bot's key from us wants no ticket for it; our own must be readable."""
    file = write(root, "bot.env", "TW_KEY=abc123\nTW_SECRET=def456\n")
    file.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # permissions do not count for root
    try:
        found = _read(root, role, {"env_file": str(file), **_NAMES})
    finally:
        os.seteuid(user)
    assert found.present is (False if role == "exporter" else None)
    assert found.in_reach is (role == "exporter")


@pytest.mark.parametrize(
    ("key", "present"), [("abc123", True), ("abc123\n", True), (" \n", False), (None, False)]
)
def test_a_key_in_a_file_of_its_own(root: Path, key: str | None, present: bool) -> None:
    """An editor's last newline is not part of the key."""
    write(root, "secret", "def456")
    if key is not None:
        write(root, "key", key)
    credentials = {"key_file": str(root / "key"), "secret_file": str(root / "secret")}
    found = _read(root, "bot", credentials)
    assert found.present is present
    if present:
        assert found.key is not None
        assert found.key.key.reveal() == "abc123"


@pytest.mark.parametrize(
    ("role", "missing"), [("exporter", False), ("remediation", None), ("bot", None)]
)
def test_the_exporters_environment_is_its_own(
    root: Path, monkeypatch: pytest.MonkeyPatch, role: str, missing: bool | None
) -> None:
    """What is not in it is missing for the exporter, and unknown for the others."""
    away = _read(root, role, _NAMES)
    assert away.present is missing
    assert away.in_reach is (role == "exporter")
    monkeypatch.setenv("TW_KEY", "abc123")
    monkeypatch.setenv("TW_SECRET", "def456")
    found = _read(root, role, _NAMES)
    assert found.present is (None if role == "bot" else True)
    assert found.key is not None, "what is in our reach may be asked about"
    assert found.in_reach


class Unit:
    """A systemd unit, played by a script named systemctl."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        monkeypatch.setenv("PATH", str(root / "bin"), prepend=os.pathsep)
        self.describe("LoadState=loaded")

    def describe(self, *lines: str, status: int = 0) -> None:
        """Say what the script prints."""
        script = "\n".join(["#!/bin/sh", "cat <<'EOF'", *lines, "EOF", f"exit {status}"])
        write(self.root, "bin/systemctl", script + "\n").chmod(0o755)

    def read(self, **credentials: Any) -> KeyPresence:
        """Look for the bot's key by its names alone."""
        return _read(self.root, "bot", {**_NAMES, **credentials}, unit="bot.service")


@pytest.fixture
def unit(root: Path, monkeypatch: pytest.MonkeyPatch) -> Unit:
    """The bot's unit, which sets nothing yet."""
    return Unit(root, monkeypatch)


@pytest.mark.parametrize(
    ("line", "present"),
    [
        ("Environment=TW_KEY=abc123 TW_SECRET=def456", True),
        ("Environment=LANG=C.UTF-8 TW_SECRET=def456 PATH=/bin TW_KEY=abc123", True),
        ('Environment="TW_KEY=abc 123" TW_SECRET=def456', True),
        ("Environment=TW_KEY=abc123", False),
        ("Environment=TW_KEY= TW_SECRET=def456", False),
        ("Environment=XTW_KEY=abc123 TW_SECRET=def456", False),
        ("Environment=", False),
        ("Description=TW_KEY=abc123 TW_SECRET=def456", False),
    ],
)
def test_a_key_set_by_the_unit(unit: Unit, line: str, present: bool) -> None:
    """Only the names matter; a value is never repeated."""
    unit.describe("LoadState=loaded", line)
    found = unit.read()
    assert found.present is present
    assert "abc" not in found.detail


def test_a_key_in_an_env_file_of_the_unit(unit: Unit) -> None:
    """Later files win over earlier ones and over settings, also by being empty."""
    one, two = write(unit.root, "one.env", _PAIR), unit.root / "two.env"
    files = [f"EnvironmentFiles={one} (ignore_errors=no)", f"EnvironmentFiles={two}"]
    unit.describe("LoadState=loaded", *files)
    assert unit.read().present is True, "a file that does not exist adds nothing"
    two.write_text("TW_KEY=\n")
    assert unit.read().present is False
    unit.describe("LoadState=loaded", "Environment=TW_KEY=abc123 TW_SECRET=def456", *files)
    assert unit.read().present is False
    two.unlink()
    two.mkdir()
    assert unit.read().present is None, "what we may not read may set anything"


@pytest.mark.parametrize(
    ("lines", "status"), [(("LoadState=not-found",), 0), (("LoadState=loaded",), 1), ((), 0)]
)
def test_a_unit_that_is_not_described_says_nothing(
    unit: Unit, lines: tuple[str, ...], status: int
) -> None:
    """A misspelt unit is no missing key."""
    unit.describe(*lines, status=status)
    assert unit.read().present is None


def test_without_systemd_nobody_can_tell(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot's environment is the bot's."""
    monkeypatch.setenv("PATH", str(root))
    assert _read(root, "bot", _NAMES, unit="bot.service").present is None


def test_a_half_written_file_is_read_again(root: Path) -> None:
    """A key that is being replaced is not missing."""
    credentials = _env_file(root, "TW_KEY=abc")
    venue = {
        "kind": "binance_spot",
        "base_url": "http://127.0.0.1:9",
        "credentials": {"exporter": credentials},
    }
    bot = make_bot(root, venue=venue)
    (found,) = read_presences(bot, pause=lambda _: _ignore(write(root, "bot.env", _PAIR)))
    assert found.present is True


def _ignore(_: Path) -> None:
    """A pause returns nothing."""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("abc123", ""),
        ("abc 123", "white space"),
        ("abc\t123", "white space"),
        ("'abc123", "quotation mark"),
        ("abcé123", "no key has"),
        ("abc\x00123", "no key has"),
        ("abc\u200b123", "no key has"),
    ],
)
def test_traps_of_copying_are_named_without_the_value(root: Path, value: str, said: str) -> None:
    """What no exchange's key contains is wrong before anybody is asked."""
    write(root, "key", value)
    write(root, "secret", "def456")
    credentials = {"key_file": str(root / "key"), "secret_file": str(root / "secret")}
    found = _read(root, "exporter", credentials)
    assert found.key is not None
    assert said in flaw(found.key)
    assert bool(said) is bool(flaw(found.key))
    assert "abc" not in flaw(found.key)
