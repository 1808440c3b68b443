"""Is each role's key where it should be? Values go nowhere but into the one call that signs.

The exporter's own key is in its own reach, so what cannot be read is missing. The bot's is
present only if the bot's env file, key files or systemd unit say so: our own environment is not
the bot's. Where nobody tells, presence is unknown.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from exporter.config import Bot, Credentials
from exporter.errors import Reason, SourceError
from exporter.keys import ROLES, KeyPresence
from exporter.secrets import ApiKey, read_api_key, read_env_file
from exporter.sources import files

_TIMEOUT_SECONDS = 5.0
_LOOKS = 3
_LOOK_PAUSE_SECONDS = 0.05
_OUTPUT_LIMIT = 1 << 20
_FILE_LINE = re.compile(r"EnvironmentFiles=(?P<file>/.*?)(?: \(ignore_errors=(?:yes|no)\))?")


def read_presences(
    bot: Bot, *, pause: Callable[[float], None] = time.sleep
) -> tuple[KeyPresence, ...]:
    """Look for the key of each configured role; never raises.

    A key that is missing is looked for again: its file may be half-written in this moment.
    """
    found = []
    for role in ROLES:
        credentials: Credentials | None = getattr(bot.venue.credentials, role)
        if credentials is None:
            continue
        for attempt in range(_LOOKS):
            if attempt:
                pause(_LOOK_PAUSE_SECONDS)
            present, detail = _look(role, credentials, bot.process.systemd_unit)
            if present is not False:
                break
        key, problem = _usable(credentials)
        in_reach = problem is None or _is_in_reach(role, credentials, problem)
        detail = detail or (problem.detail if problem is not None and in_reach else "")
        found.append(KeyPresence(role, present, detail, key, in_reach))
    return tuple(found)


def _usable(credentials: Credentials) -> tuple[ApiKey | None, SourceError | None]:
    """Return the pair if we can read it, else what is in the way."""
    try:
        return read_api_key(credentials), None
    except SourceError as error:
        return None, error


def _is_in_reach(role: str, credentials: Credentials, problem: SourceError) -> bool:
    """Say whether the configuration lets us read the value: files, or what is our own.

    Another role's environment is not: only what stands in ours by chance can be read of it. Nor
    is a file that its permissions keep from us, which is how a careful owner has it.
    """
    if role == "exporter":
        return True
    return bool(credentials.env_file or credentials.key_file) and not _is_denied(problem)


def _is_denied(problem: BaseException | None) -> bool:
    while problem is not None:
        if isinstance(problem, PermissionError):
            return True
        problem = problem.__cause__
    return False


def _look(role: str, credentials: Credentials, unit: str | None) -> tuple[bool | None, str]:
    if credentials.env_file is not None:
        present, detail = _in_env_file(Path(credentials.env_file), credentials)
    elif credentials.key_file is not None:
        present, detail = _in_files(credentials.key_file, credentials.secret_file or "")
    elif role == "bot":
        return _in_unit(unit, credentials)
    else:
        missing = [name for name in _names(credentials) if not os.environ.get(name, "").strip()]
        detail = f"the environment sets no {', '.join(missing)}" if missing else ""
        present = None if missing and role != "exporter" else not missing
    if present is None and role == "exporter":
        return False, detail
    return present, detail


def _in_env_file(file: Path, credentials: Credentials) -> tuple[bool | None, str]:
    try:
        values = read_env_file(file)
    except SourceError as error:
        return _unread(error)
    missing = [name for name in _names(credentials) if not values.get(name)]
    return not missing, f"{file} sets no {', '.join(missing)}" if missing else ""


def _in_files(*names: str) -> tuple[bool | None, str]:
    for name in names:
        try:
            if not files.read(Path(name)).data.strip():
                return False, f"{name} is empty"
        except SourceError as error:
            return _unread(error)
    return True, ""


def _unread(error: SourceError) -> tuple[bool | None, str]:
    """A file that does not exist holds no key; one that we may not read may hold one."""
    cause = error.__cause__ if isinstance(error.__cause__, SourceError) else error
    return (False if cause.reason is Reason.MISSING else None), error.detail


def _in_unit(unit: str | None, credentials: Credentials) -> tuple[bool | None, str]:
    """Look for the names in what systemd would give the bot; env files go before settings."""
    if unit is None:
        return None, "the bot's environment is known to the bot alone"
    try:
        lines = _show_environment(unit)
    except SourceError as error:
        return None, error.detail
    wanted = _names(credentials)
    found = {name for name in wanted if any(_sets(line, name) for line in lines)}
    for file in _environment_files(lines):
        try:
            values = read_env_file(file)
        except SourceError as error:
            if _unread(error)[0] is None:
                return None, error.detail
            continue  # a file that does not exist adds nothing
        # A file overrides what stood before, also by an empty value.
        found = {name for name in wanted if values.get(name, name in found)}
    missing = [name for name in wanted if name not in found]
    return not missing, f"unit {unit} sets no {', '.join(missing)}" if missing else ""


def _show_environment(unit: str) -> tuple[str, ...]:
    """Ask systemd for what it gives to the unit.

    Raises:
        SourceError: UNSUPPORTED without systemd, MISSING for an unknown unit, else why.
    """
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        raise SourceError(Reason.UNSUPPORTED, "there is no systemctl on this host")
    properties = "--property=LoadState,Environment,EnvironmentFiles"
    try:
        result = subprocess.run(
            [systemctl, "show", properties, "--", unit],
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(Reason.TIMEOUT, "systemctl did not answer in time") from error
    except OSError as error:
        raise SourceError(
            Reason.UNREADABLE, f"systemctl cannot be run: {error.strerror}"
        ) from error
    # Its own words are not repeated here: they could quote the environment.
    if result.returncode != 0 or len(result.stdout) > _OUTPUT_LIMIT:
        raise SourceError(Reason.UNREADABLE, f"systemctl does not describe unit {unit}")
    lines = tuple(result.stdout.decode("utf-8", "replace").splitlines())
    if "LoadState=loaded" not in lines:
        raise SourceError(Reason.MISSING, f"systemd has not loaded a unit {unit}")
    return lines


def _sets(line: str, name: str) -> bool:
    """Say whether an ``Environment=`` line gives the name a value that is not empty."""
    pattern = rf"Environment=(?:.*\s)?[\"']?{re.escape(name)}=[\"']?[^\s\"']"
    return re.match(pattern, line) is not None


def _environment_files(lines: tuple[str, ...]) -> Iterator[Path]:
    for line in lines:
        if match := _FILE_LINE.fullmatch(line):
            yield Path(match["file"])


def _names(credentials: Credentials) -> tuple[str, ...]:
    return tuple(name for name in (credentials.key, credentials.secret) if name)
