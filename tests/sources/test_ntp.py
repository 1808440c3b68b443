"""The local clock against NTP: the sign, the majority, and what is not believed."""

import contextlib
import time
from collections.abc import Callable

import pytest

from exporter.errors import Reason, SourceError
from exporter.sources import ntp
from tests.sim.simulator import Simulator
from tests.sources.ntp_server import NtpServer

# However busy this machine: no answer counts that took a second, and half of that is its error.
_ERROR = 0.51


def test_a_local_clock_that_is_ahead_reads_positive(simulator: Simulator) -> None:
    """Flipping ntplib's sign a second time, or not at all, fails here."""
    simulator.world.clocks.local = 3.0
    reading = ntp.read_clock(simulator.ntp.addresses, timeout=20)
    assert reading.reference == "ntp"
    assert reading.offset_seconds == pytest.approx(3.0, abs=_ERROR)


def test_a_local_clock_that_is_behind_reads_negative(simulator: Simulator) -> None:
    """The other direction, so that an absolute value does not pass either."""
    simulator.world.clocks.local = -3.0
    reading = ntp.read_clock(simulator.ntp.addresses, timeout=20)
    assert reading.offset_seconds == pytest.approx(-3.0, abs=_ERROR)


def test_one_lying_server_is_outvoted_and_named(simulator: Simulator) -> None:
    """A single wrong server neither moves the reading nor goes unmentioned."""
    simulator.world.clocks.ntp_one = 30.0
    reading = ntp.read_clock(simulator.ntp.addresses, timeout=20)
    assert reading.offset_seconds == pytest.approx(0.0, abs=_ERROR)
    assert len(reading.sources) == 3
    assert [r.split(": ")[0] for r in reading.rejected] == [simulator.ntp.addresses[0]]


def _read(*servers: NtpServer, extra: tuple[str, ...] = (), timeout: float = 20) -> object:
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(server) for server in servers]
        return ntp.read_clock([*(s.address for s in running), *extra], timeout=timeout)


def _off(seconds: float) -> Callable[[], float]:
    return lambda: time.time() - seconds


def test_two_against_two_is_no_majority() -> None:
    """Nobody can tell which half is right, so nothing is said about the clock."""
    servers = [NtpServer(_off(seconds)) for seconds in (0, 0, 5, 5)]
    with pytest.raises(SourceError) as caught:
        _read(*servers)
    assert caught.value.reason is Reason.NO_MAJORITY


def test_answers_count_against_the_configured_number() -> None:
    """Two agreeing answers of four asked are not enough."""
    silent = [NtpServer(spoil=lambda _: None) for _ in range(2)]
    with pytest.raises(SourceError) as caught:
        _read(NtpServer(), NtpServer(), *silent, timeout=3)
    assert caught.value.reason is Reason.NO_MAJORITY


def test_silence_ends_in_time() -> None:
    """Servers are asked at once: four silent ones cost one timeout, not four."""
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        _read(*(NtpServer(spoil=lambda _: None) for _ in range(4)), timeout=4)
    assert caught.value.reason is Reason.TIMEOUT
    assert time.monotonic() - started < 4 * 4


def _set(index: int, value: int) -> Callable[[bytes], bytes]:
    return lambda packet: packet[:index] + bytes([value]) + packet[index + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(_set(1, 0), id="stratum 0 is a kiss of death"),
        pytest.param(_set(1, 16), id="stratum 16 is unsynchronised"),
        pytest.param(_set(0, 0xE4), id="leap 3 is unsynchronised"),
        pytest.param(_set(0, 0x23), id="a client packet is no answer"),
        pytest.param(_set(9, 3), id="a root dispersion of seconds"),
        pytest.param(_set(27, 1), id="an origin that we did not send"),
        pytest.param(lambda _: b"not ntp", id="garbage"),
        pytest.param(lambda _: b"", id="nothing in it"),
    ],
)
def test_an_answer_that_disqualifies_itself_is_left_out(
    spoil: Callable[[bytes], bytes | None],
) -> None:
    """Three good servers decide; with only such answers there is a bad response."""
    reading = ntp.read_clock  # three good, one bad
    with contextlib.ExitStack() as stack:
        good = [stack.enter_context(NtpServer()) for _ in range(3)]
        bad = stack.enter_context(NtpServer(spoil=spoil))
        agreed = reading([s.address for s in (*good, bad)], timeout=20)
        assert bad.address not in agreed.sources
        assert any(bad.address in line for line in agreed.rejected)
        with pytest.raises(SourceError) as caught:
            reading([bad.address], timeout=20)
    assert caught.value.reason is Reason.BAD_RESPONSE


def test_without_servers_it_is_not_supported() -> None:
    """An empty list is a choice, not an outage."""
    with pytest.raises(SourceError) as caught:
        ntp.read_clock([], timeout=1)
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("time.example", ("time.example", "123")),
        ("time.example:9844", ("time.example", "9844")),
        ("2001:db8::1", ("2001:db8::1", "123")),
        ("[2001:db8::1]:9844", ("2001:db8::1", "9844")),
        ("[2001:db8::1]", ("2001:db8::1", "123")),
    ],
)
def test_a_server_is_a_host_and_perhaps_a_port(server: str, expected: tuple[str, str]) -> None:
    """IPv6 addresses keep their colons."""
    assert ntp._split(server) == expected
