"""The host's own time services: their words, their signs, and their silence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason, SourceError
from exporter.sources.clock_daemons import (
    parse_chrony,
    parse_timesyncd,
    parse_w32tm,
    read_clock_daemons,
)

# chrony 4.3, as printed while our clock was 0.3 s behind its server, then ahead of it.
_SLOW = (
    "7F000001,127.0.0.1,3,1795515035.639785858,0.300013572,-0.000000541,0.000011041,6.506,"
    "-0.159,25.310,0.001126696,0.001032807,0.1,Normal \n"
)
_FAST = (
    "7F000001,127.0.0.1,3,1795515047.404521686,-0.299991429,-0.000000875,0.000028806,-27.425,"
    "-1.156,62.253,0.001140581,0.001045387,0.1,Normal \n"
)
_NO_SERVER = (
    "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,"
    "1.000000000,1.000000000,0.0,Not synchronised\n"
)
_LOCAL = (
    "7F7F0101,,10,1795515145.337819765,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,"
    "0.000000000,0.000000000,0.0,Normal\n"
)
_TIMESYNC = """       Server: 192.0.2.1 (time.example.org)
Poll interval: 34min 8s (min: 32s; max 34min 8s)
         Leap: normal
      Version: 4
      Stratum: 2
    Reference: C0000201
    Precision: 1us (-25)
Root distance: 930us (max: 5s)
       Offset: +155.123ms
        Delay: 32.4ms
       Jitter: 2.1ms
 Packet count: 117
    Frequency: +1.234ppm
"""
_W32 = """Leap Indicator: 0(no warning)
Stratum: 4 (secondary reference - syncd by (S)NTP)
Precision: -23 (119.209ns per tick)
Root Delay: 0.0344000s
Root Dispersion: 0.0871000s
ReferenceId: 0xC0000201 (source IP:  192.0.2.1)
Last Successful Sync Time: 8/1/2026 10:00:00 AM
Source: time.example.org,0x9
Poll Interval: 6 (64s)

Phase Offset: 0.0300000s
ClockRate: 0.0156250s
State Machine: 2 (Sync)
Time Source Flags: 0 (None)
Server Role: 0 (None)
Last Sync Error: 0 (The command completed successfully.)
Time since Last Good Sync Time: 12.3456789s
"""
_W32_GERMAN = """Sprungindikator: 0(keine Warnung)
Stratum: 4 (Sekundärreferenz - synchr. über (S)NTP)
Präzision: -23 (119.209ns pro Tick)
Stammverzögerung: 0,0344000s
Stammabweichung: 0,0871000s
Referenz-ID: 0xC0000201 (Quell-IP:  192.0.2.1)
Letzte erfolgr. Synchronisierungszeit: 01.08.2026 10:00:00
Quelle: time.example.org,0x9
Abrufintervall: 6 (64s)

Phasenversatz: 0,0300000s
Taktrate: 0,0156250s
Computer Status: 2 (Synchronisieren)
Zeitquellenkennzeichen: 0 (Kein)
Serverrolle: 0 (Kein)
Letzter Synchronisierungsfehler: 0 (Der Befehl wurde erfolgreich ausgeführt.)
Zeit seit der letzten erfolgr. Synchronisierungszeit: 12,3456789s
"""


def test_chronys_positive_is_our_negative() -> None:
    """Its "system time" is positive when the clock is slow, ours when it is ahead."""
    assert parse_chrony(_SLOW).offset_seconds == pytest.approx(-0.3, abs=0.001)
    assert parse_chrony(_FAST).offset_seconds == pytest.approx(+0.3, abs=0.001)


def test_chronys_bound_is_everything_that_may_be_wrong() -> None:
    """|System time| + root dispersion + half the root delay."""
    reading = parse_chrony(_FAST)
    assert reading.error_bound_seconds == pytest.approx(0.299991429 + 0.001045387 + 0.0005702905)
    assert (reading.daemon, reading.synchronized, reading.source) == ("chrony", True, "127.0.0.1")


@pytest.mark.parametrize(
    "output",
    [_NO_SERVER, _LOCAL, _FAST.replace("Normal ", "Not synchronised")],
    ids=["no server", "its own clock", "lost"],
)
def test_chrony_without_a_source_knows_no_offset(output: str) -> None:
    """The zero that it prints then is no measurement."""
    reading = parse_chrony(output)
    assert not reading.synchronized
    assert reading.offset_seconds is None
    assert reading.error_bound_seconds is None


def test_timesyncds_offset_is_what_is_missing() -> None:
    """A positive one means that our clock is behind; so ours is negative."""
    reading = parse_timesyncd("NTPSynchronized=yes\n", _TIMESYNC)
    assert reading.synchronized
    assert reading.offset_seconds == pytest.approx(-0.155123)
    assert reading.error_bound_seconds == pytest.approx(0.155123 + 0.00093 + 0.0162)
    assert reading.source == "192.0.2.1 (time.example.org)"
    ahead = _TIMESYNC.replace("+155.123ms", "-1min 2.5s")
    offset = parse_timesyncd("NTPSynchronized=yes\n", ahead).offset_seconds
    assert offset == pytest.approx(62.5)


def test_timesyncd_that_is_not_synchronised_knows_no_offset() -> None:
    """Also where another service keeps the clock right and this one has nothing to say."""
    assert parse_timesyncd("NTPSynchronized=no\n", _TIMESYNC).offset_seconds is None
    other = parse_timesyncd("NTPSynchronized=yes\n", "")
    assert other.synchronized
    assert (other.offset_seconds, other.error_bound_seconds) == (None, None)


@pytest.mark.parametrize("offset", ["+5 parsecs", "5", "", "+1min and more"])
def test_a_span_in_unknown_words_is_no_offset(offset: str) -> None:
    """Half of a number would be a wrong number."""
    changed = _TIMESYNC.replace("+155.123ms", offset)
    assert parse_timesyncd("NTPSynchronized=yes\n", changed).offset_seconds is None


@pytest.mark.parametrize("output", [_W32, _W32_GERMAN], ids=["English", "German"])
def test_w32tm_is_read_in_any_language(output: str) -> None:
    """By the order of its lines; of five values with seven decimals the third is the offset."""
    reading = parse_w32tm(output)
    assert reading.synchronized
    assert reading.offset_seconds == pytest.approx(-0.03)
    assert reading.error_bound_seconds == pytest.approx(0.03 + 0.0871 + 0.0172)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("time.example.org,0x9", "Local CMOS Clock"),
        ("time.example.org,0x9", "Free-running System Clock"),
        ("0xC0000201", "0x4C4F434C"),
        ("0xC0000201", "0x00000000"),
        ("Indicator: 0(", "Indicator: 3("),
    ],
)
def test_windows_that_follows_nothing_but_itself(old: str, new: str) -> None:
    """By any of the signs; then the offset means nothing."""
    reading = parse_w32tm(_W32.replace(old, new))
    assert not reading.synchronized
    assert reading.offset_seconds is None


@given(st.text())
def test_nothing_else_is_taken_for_an_answer(text: str) -> None:
    """An unknown text is invalid: never a crash, never a synchronised clock."""
    for parse in (parse_chrony, parse_w32tm, lambda said: parse_timesyncd(said, said)):
        with pytest.raises(SourceError) as caught:
            parse(text)
        assert caught.value.reason is Reason.INVALID


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "x", ""])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    """A NaN would pass every comparison of a rule."""
    with pytest.raises(SourceError):
        parse_chrony(_SLOW.replace("0.300013572", value))


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH: what is put in it is installed."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _install(commands: Path, name: str, script: str) -> None:
    (commands / name).write_text(f"#!/bin/sh\n{script}\n")
    (commands / name).chmod(0o755)


def _says(text: str) -> str:
    return f"while read -r line; do echo \"$line\"; done <<'END'\n{text}\nEND"


def test_a_host_without_any_of_them_is_no_failure(commands: Path) -> None:
    """Nothing is asked, nothing is said."""
    assert read_clock_daemons() == ()


def test_each_one_that_is_installed_is_asked(commands: Path) -> None:
    """With the arguments for which its output is read."""
    _install(commands, "chronyc", f'[ "$*" = "-c tracking" ] || exit 9\n{_says(_SLOW)}')
    timesync = _says(_TIMESYNC)
    _install(
        commands,
        "timedatectl",
        f'case "$*" in\n"show -p NTPSynchronized") echo NTPSynchronized=yes;;\n'
        f"timesync-status)\n{timesync}\n;;\n*) exit 9;;\nesac",
    )
    found = {reading.daemon: reading.offset_seconds for reading in read_clock_daemons()}
    assert found == {"chrony": pytest.approx(-0.300013572), "timesyncd": pytest.approx(-0.155123)}


def test_one_that_does_not_run_leaves_the_other(commands: Path) -> None:
    """Installed and stopped, as chrony beside timesyncd."""
    _install(commands, "chronyc", "echo 506 Cannot talk to daemon; exit 1")
    _install(commands, "w32tm", _says(_W32))
    assert [reading.daemon for reading in read_clock_daemons()] == ["w32tm"]


def test_none_that_answers_is_a_failure(commands: Path) -> None:
    """Why is said in one line."""
    _install(commands, "chronyc", "echo it is stopped >&2; exit 1")
    with pytest.raises(SourceError) as caught:
        read_clock_daemons()
    assert caught.value.reason is Reason.UNREADABLE
    assert caught.value.detail.endswith("chronyc: it is stopped")


def test_a_command_without_systemd_is_no_service(commands: Path) -> None:
    """In a container timedatectl is there and cannot work; where systemd runs that is a fault."""
    words = "System has not been booted with systemd as init system"
    _install(commands, "timedatectl", f"echo {words} >&2; exit 1")
    assert read_clock_daemons(systemd_runs=lambda: False) == ()
    with pytest.raises(SourceError, match=words):
        read_clock_daemons(systemd_runs=lambda: True)
    _install(commands, "chronyc", "echo it is stopped >&2; exit 1")
    with pytest.raises(SourceError, match="chronyc: it is stopped"):
        read_clock_daemons(systemd_runs=lambda: False)


def test_one_that_hangs_is_left(commands: Path) -> None:
    """No command may hold the exporter up for longer than its time."""
    _install(commands, "chronyc", "exec /bin/sleep 60")
    with pytest.raises(SourceError) as caught:
        read_clock_daemons()
    assert caught.value.reason is Reason.TIMEOUT
