"""What the host's own time services say: a further view of the clock, where one is installed.

chrony's "system time" is positive when the clock is *slow*, systemd's and Windows' offsets are
what must be added: all three are negated here, once, to our sign (positive = clock ahead).
"""

import math
import re
import shutil
import subprocess
from collections.abc import Callable

from exporter.errors import Reason, SourceError
from exporter.readings import ClockDaemonReading
from exporter.sources import systemd

_TIMEOUT_SECONDS = 5.0
_OUTPUT_LIMIT = 64 * 1024
_CHRONY_FIELDS = 14
_LOCAL_REFERENCE = "7F7F0101"
_NOT_SYNCHRONISED = "Not synchronised"
_W32_OWN_CLOCKS = ("local cmos clock", "free-running system clock")
_W32_LOCAL = frozenset({"4C4F434C", "00000000"})  # "LOCL", and none
_W32_REFERENCE = re.compile(r"\b0x([0-9A-Fa-f]{8})\b")
_W32_SECONDS = re.compile(r"([+-]?[0-9]+[.,][0-9]{7})s\s*$", re.MULTILINE)
_W32_LEAP = re.compile(r"\A[^:]*:\s*([0-3])\(")
_UNITS = {
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_PART = r"[0-9]+(?:\.[0-9]+)?(?:us|µs|ms|min|s|h|d|w)"
_SPAN = re.compile(rf"([+-]?)({_PART}(?: {_PART})*)")
_AMOUNT = re.compile(r"([0-9.]+)([^0-9. ]+)")


def read_clock_daemons(
    *, systemd_runs: Callable[[], bool] = systemd.is_init
) -> tuple[ClockDaemonReading, ...]:
    """Ask each time service that this host has; none is no failure.

    A command stands for its service, except for ``timedatectl`` where systemd does not run, as
    in most containers: there it is a left-over that cannot work, and what it says is no fault.

    Args:
        systemd_runs: whether systemd runs this host.

    Raises:
        SourceError: services are there, and none of them gave an answer.
    """
    readings: list[ClockDaemonReading] = []
    problem: SourceError | None = None
    for read in (_read_chrony, lambda: _read_timesyncd(systemd_runs), _read_w32tm):
        try:
            reading = read()
        except SourceError as error:
            problem = error
        else:
            readings += [reading] if reading is not None else []
    if problem is not None and not readings:
        raise problem
    return tuple(readings)


def parse_chrony(output: str) -> ClockDaemonReading:
    """Read ``chronyc -c tracking``: one CSV line of 14 fields (chronyc(1), tracking).

    The error bound is |system time| + root dispersion + half the root delay.

    Raises:
        SourceError: INVALID.
    """
    fields = output.strip().split(",")
    if len(fields) != _CHRONY_FIELDS:
        raise SourceError(Reason.INVALID, f"chronyc gave {len(fields)} fields instead of 14")
    system, delay, dispersion = (_number("chronyc", fields[i]) for i in (4, 10, 11))
    leap, reference, name = fields[13], fields[0], fields[1]
    synchronized = leap != _NOT_SYNCHRONISED and reference not in (_LOCAL_REFERENCE, "00000000")
    return ClockDaemonReading(
        daemon="chrony",
        synchronized=synchronized,
        offset_seconds=-system if synchronized else None,
        error_bound_seconds=abs(system) + dispersion + delay / 2 if synchronized else None,
        source=name or reference,
    )


def parse_timesyncd(status: str, timesync: str) -> ClockDaemonReading:
    """Read ``timedatectl show -p NTPSynchronized`` and ``timedatectl timesync-status``.

    Raises:
        SourceError: INVALID, it is not said whether the clock is synchronised.
    """
    said = dict(line.split("=", 1) for line in status.splitlines() if "=" in line)
    if said.get("NTPSynchronized") not in ("yes", "no"):
        raise SourceError(Reason.INVALID, "timedatectl does not say whether the clock is right")
    words = {
        name.strip(): value.strip()
        for name, _, value in (line.partition(":") for line in timesync.splitlines())
    }
    synchronized = said["NTPSynchronized"] == "yes"
    offset = _span(words.get("Offset", "")) if synchronized else None
    distance, delay = _span(words.get("Root distance", "")), _span(words.get("Delay", ""))
    bound = None
    if offset is not None and distance is not None and delay is not None:
        # The root distance is the server's own; the way to the server adds half its delay.
        bound = abs(offset) + distance + delay / 2
    return ClockDaemonReading(
        daemon="timesyncd",
        synchronized=synchronized,
        offset_seconds=-offset if offset is not None else None,
        error_bound_seconds=bound,
        source=words.get("Server", ""),
    )


def parse_w32tm(output: str) -> ClockDaemonReading:
    """Read ``w32tm /query /status /verbose``, whose words are in the user's language.

    The order of the lines is not translated: the leap indicator is first, and of the values
    with seven decimals the first three are root delay, root dispersion and phase offset.

    Raises:
        SourceError: INVALID, these are not in it.
    """
    leap, reference = _W32_LEAP.match(output.lstrip()), _W32_REFERENCE.search(output)
    seconds = [_number("w32tm", text.replace(",", ".")) for text in _W32_SECONDS.findall(output)]
    if leap is None or reference is None or len(seconds) < 3:
        raise SourceError(Reason.INVALID, "w32tm gives no phase offset")
    delay, dispersion, offset = seconds[:3]
    own = next((name for name in _W32_OWN_CLOCKS if name in output.lower()), "")
    synchronized = leap[1] != "3" and not own and reference[1].upper() not in _W32_LOCAL
    return ClockDaemonReading(
        daemon="w32tm",
        synchronized=synchronized,
        offset_seconds=-offset if synchronized else None,
        error_bound_seconds=abs(offset) + dispersion + delay / 2 if synchronized else None,
        source=own or reference[0],
    )


def _read_chrony() -> ClockDaemonReading | None:
    return _asked("chronyc", ("-c", "tracking"), parse_chrony)


def _read_timesyncd(systemd_runs: Callable[[], bool]) -> ClockDaemonReading | None:
    def parse(status: str) -> ClockDaemonReading:
        try:
            timesync = _run(shutil.which("timedatectl") or "timedatectl", ("timesync-status",))
        except SourceError:
            timesync = ""  # another service keeps the clock; that it is right is known anyway
        return parse_timesyncd(status, timesync)

    try:
        return _asked("timedatectl", ("show", "-p", "NTPSynchronized"), parse)
    except SourceError:
        if systemd_runs():
            raise
        return None


def _read_w32tm() -> ClockDaemonReading | None:
    return _asked("w32tm", ("/query", "/status", "/verbose"), parse_w32tm)


def _asked(
    command: str, arguments: tuple[str, ...], parse: Callable[[str], ClockDaemonReading]
) -> ClockDaemonReading | None:
    path = shutil.which(command)
    return None if path is None else parse(_run(path, arguments))


def _run(path: str, arguments: tuple[str, ...]) -> str:
    try:
        result = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(Reason.TIMEOUT, f"{path} did not answer in time") from error
    except OSError as error:
        raise SourceError(Reason.UNREADABLE, f"{path} cannot be run: {error.strerror}") from error
    if result.returncode != 0:
        words = " ".join(result.stderr.decode("utf-8", errors="replace").split())[:200]
        raise SourceError(Reason.UNREADABLE, f"{path}: {words or f'exit {result.returncode}'}")
    return result.stdout[:_OUTPUT_LIMIT].decode("utf-8", errors="replace")


def _number(command: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SourceError(Reason.INVALID, f"{command} gives {text[:40]!r} for a number")
    return value


def _span(text: str) -> float | None:
    """A span as systemd writes it, ``-1.5ms`` or ``+2min 3.5s (max: 5s)``; None if it is none."""
    match = _SPAN.match(text)
    if match is None or text[match.end() :].strip()[:1] not in ("", "("):
        return None
    total = sum(float(amount) * _UNITS[unit] for amount, unit in _AMOUNT.findall(match[2]))
    return -total if match[1] == "-" else total
