"""The kill switch fails closed: only exact shapes read as not engaged."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.readings import KillSwitchReading
from exporter.sources import pause
from exporter.sources.bot import read_kill_switch
from tests.sources.bots import make_bot, write

_FLAG = "state/kill_switch.flag"
_STATE = "state/kill_switch_state.json"
_CALM = '{"tripped": false, "reason": null, "counters": {"errors": 0}, "updated": "2026-11-24"}'


def _read(root: Path, *, seen: bool = True, **changes: object) -> KillSwitchReading:
    return read_kill_switch(make_bot(root, **changes), seen=seen)


def _pause(root: Path, name: str = _FLAG) -> Path:
    """Pause the bot exactly as the remediation does."""
    flag = write(root, name, "")
    moment = flag.stat().st_mtime_ns
    flag.write_bytes(pause.encode(pause.PauseMark("INC-7", moment)))
    os.utime(flag, ns=(moment, moment))
    return flag


def test_no_flag_and_a_calm_state_is_not_engaged(root: Path) -> None:
    """The one shape in which the bot may trade."""
    write(root, _STATE, _CALM)
    reading = _read(root)
    assert not reading.engaged
    assert not reading.paused
    assert not reading.flag_present
    assert reading.tripped is False
    assert reading.state_valid
    assert reading.flag_valid


def _dangling(flag: Path) -> None:
    flag.symlink_to("nowhere")


def _loop(flag: Path) -> None:
    flag.symlink_to(flag.name)


@pytest.mark.parametrize(
    "make", [Path.touch, Path.mkdir, os.mkfifo, _dangling, _loop], ids=lambda make: make.__name__
)
def test_a_flag_counts_by_presence_whatever_it_is(root: Path, make: Callable[[Path], None]) -> None:
    """A file, a directory, a pipe, a link to nowhere: the name is there, so it is engaged."""
    write(root, _STATE, _CALM)
    make(root / _FLAG)
    reading = _read(root)
    assert reading.engaged
    assert reading.flag_present
    assert not reading.paused


@pytest.mark.parametrize(
    "content",
    [
        '{"tripped": true}',
        '{"active": true}',
        '{"triggered": true}',
        '{"tripped": false, "active": true}',
        '{"tripped": "false"}',
        '{"tripped": 0}',
        '{"tripped": null}',
        '{"tripped": false, "tripped": false}',
        '{"kill_switch_on": true}',
        '{"kill": {"on": true}}',
        "[]",
        "false",
        "",
        '{"tripped": fal',
        '{"tripped": false} ',
        '{"tripped": false}\x00',
        '{"tripped": NaN}',
        '{"tripped": false, "counters": {"x": Infinity}}',
        "[" * 100_000,
        b"\xff\xfe",
    ],
    ids=lambda content: repr(content[:30]),
)
def test_any_other_state_is_engaged(root: Path, content: bytes | str) -> None:
    """A tripped state, a damaged one and one in unknown words stop the bot alike."""
    write(root, _STATE, content)
    reading = _read(root)
    # Trailing white space is still JSON and still calm.
    assert reading.engaged is (content != '{"tripped": false} ')


@pytest.mark.parametrize("content", ['{"tripped": false}', "{}", '{"counters": {"errors": 3}}'])
def test_optional_keys_may_be_missing(root: Path, content: str) -> None:
    """Tripped, reason and counters are optional; none of them set is calm."""
    write(root, _STATE, content)
    assert not _read(root).engaged


def test_a_state_that_existed_and_is_gone_is_engaged(root: Path) -> None:
    """Deleting the state file does not release the kill switch."""
    reading = _read(root, seen=True)
    assert reading.engaged
    assert not reading.state_valid
    assert reading.tripped is None
    assert "does not exist" in reading.reason


def test_a_state_that_never_existed_is_calm(root: Path) -> None:
    """A bot that was never started has no state file yet."""
    assert not _read(root, seen=False).engaged


def test_a_state_that_cannot_be_read_is_engaged(root: Path) -> None:
    """A directory or a link loop in its place is not a state."""
    (root / _STATE).mkdir()
    assert _read(root).engaged
    (root / _STATE).rmdir()
    (root / _STATE).symlink_to(_STATE.split("/")[1])
    assert _read(root).engaged


def test_a_huge_state_is_not_read(root: Path) -> None:
    """More than the limit is refused before it is in memory."""
    write(root, _STATE, b" " * (2 << 20) + b'{"tripped": false}')
    assert _read(root).engaged


def test_a_missing_root_is_engaged(tmp_path: Path) -> None:
    """An unmounted disk must not read as a bot without a flag."""
    reading = _read(tmp_path / "gone", seen=False)
    assert reading.engaged
    assert "not a directory" in reading.reason


def test_our_own_pause_is_a_pause(root: Path) -> None:
    """Unchanged since we wrote it, and the bot's own state calm."""
    write(root, _STATE, _CALM)
    _pause(root)
    reading = _read(root)
    assert reading.paused
    assert not reading.engaged
    assert reading.pause_incident == "INC-7"


def test_a_touch_turns_our_pause_into_a_latch(root: Path) -> None:
    """A person who touches the flag has taken it over."""
    write(root, _STATE, _CALM)
    flag = _pause(root)
    moment = flag.stat().st_mtime_ns + 1
    os.utime(flag, ns=(moment, moment))
    reading = _read(root)
    assert reading.engaged
    assert not reading.paused


def test_a_copied_pause_is_a_latch(root: Path) -> None:
    """The mark is bound to its own file's time, so it cannot be carried elsewhere."""
    write(root, _STATE, _CALM)
    content = _pause(root).read_bytes()
    os.utime(write(root, _FLAG, content), ns=(1, 1))
    assert _read(root).engaged


def test_a_linked_pause_is_a_latch(root: Path) -> None:
    """A link in the flag's place is not the file that we wrote."""
    write(root, _STATE, _CALM)
    flag = _pause(root)
    flag.rename(root / "state/elsewhere")
    flag.symlink_to("elsewhere")
    assert _read(root).engaged


def test_a_tripped_state_outranks_our_pause(root: Path) -> None:
    """A bot that tripped while we had it paused is latched."""
    write(root, _STATE, '{"tripped": true, "reason": "clock\\ndrift"}')
    _pause(root)
    reading = _read(root)
    assert reading.engaged
    assert not reading.paused
    assert "clock drift" in reading.reason


def test_a_pause_flag_of_its_own_holds_the_pause(root: Path) -> None:
    """With a separate pause flag our pause is there, and the kill-switch flag is a person's."""
    write(root, _STATE, _CALM)
    paths = {"pause_flag": "state/pause.flag"}
    _pause(root, "state/pause.flag")
    assert _read(root, paths=paths).paused
    (root / "state/pause.flag").unlink()
    _pause(root)
    assert _read(root, paths=paths).engaged


def test_a_foreign_pause_flag_is_a_latch(root: Path) -> None:
    """Whoever set it, it was not us, so it is not ours to lift."""
    write(root, _STATE, _CALM)
    write(root, "state/pause.flag", "holiday")
    assert _read(root, paths={"pause_flag": "state/pause.flag"}).engaged


def test_the_digest_leaves_times_out(root: Path) -> None:
    """A state that says when it was written does not void an approval each time it is."""
    write(root, _STATE, '{"tripped": true, "updated": "10:00", "last_seen_at": 1}')
    before = _read(root).digest
    write(root, _STATE, '{"last_seen_at": 2, "tripped": true, "updated": "10:01"}')
    assert _read(root).digest == before
    write(root, _STATE, '{"last_seen_at": 2, "tripped": true, "updated": "10:01", "limit": 5}')
    assert _read(root).digest != before


def test_the_digest_binds_flag_and_state(root: Path) -> None:
    """An approval given for one content does not cover another."""
    write(root, _STATE, _CALM)
    digests = {_read(root).digest}
    flag = write(root, _FLAG, "stop")
    digests.add(_read(root).digest)
    os.utime(flag, ns=(5, 5))
    digests.add(_read(root).digest)
    write(root, _STATE, '{"tripped": true, "reason": "a"}')
    digests.add(_read(root).digest)
    write(root, _STATE, '{"tripped": true, "reason": "b"}')
    digests.add(_read(root).digest)
    write(root, _STATE, "{damaged")
    digests.add(_read(root).digest)
    write(root, _STATE, "{damaged more")
    digests.add(_read(root).digest)
    assert len(digests) == 7
    assert _read(root).digest in digests


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tripped", "active", "triggered", "reason", "counters", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def _is_calm(content: bytes) -> bool:
    """The rule in the words of the design, written a second time."""
    try:
        body = json.loads(content.decode())
    except (ValueError, RecursionError):
        return False
    if not isinstance(body, dict):
        return False
    switches = [body[name] for name in ("tripped", "active", "triggered") if name in body]
    return all(value is False for value in switches)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.binary(max_size=60) | _json.map(lambda value: json.dumps(value).encode()))
def test_whatever_the_state_holds_nothing_raises_and_only_calm_is_calm(
    root: Path, content: bytes
) -> None:
    """Any bytes are judged; none is judged calm that the design does not call calm."""
    write(root, _STATE, content)
    reading = _read(root)
    assert reading.engaged or _is_calm(content)


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=st.binary(max_size=200))
def test_whatever_the_flag_holds_it_is_engaged(root: Path, content: bytes) -> None:
    """No bytes that a person or an accident may write make a pause."""
    write(root, _STATE, _CALM)
    write(root, _FLAG, content)
    assert _read(root).engaged
