"""The SNTP servers, judged by ntplib and byte by byte."""

import contextlib
import socket

import ntplib
import pytest

from tests.sim.ntp import reply
from tests.sim.simulator import Simulator


def _ask(address: str, version: int = 3) -> ntplib.NTPStats:
    host, port = address.split(":")
    return ntplib.NTPClient().request(host, port=int(port), version=version, timeout=30)


def _is_off_by(stats: ntplib.NTPStats, seconds: float) -> bool:
    """Whether the offset is this one, as exactly as the way there and back allows."""
    return bool(abs(stats.offset - seconds) <= stats.delay / 2 + 0.001)


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_every_version_is_answered_in_kind(simulator: Simulator, version: int) -> None:
    """Each server echoes the version, is synchronised and is a secondary server."""
    for address in simulator.ready["ntp"]:
        stats = _ask(address, version)
        assert (stats.version, stats.mode, stats.stratum, stats.leap) == (version, 4, 2, 0)
        assert _is_off_by(stats, 0)


@pytest.mark.parametrize("drift", [3.0, -3.0])
def test_a_local_clock_ahead_shows_as_negative_offset(simulator: Simulator, drift: float) -> None:
    """The library's offset is what to add to the local clock: the opposite of ours."""
    simulator.world.clocks.local = drift
    for address in simulator.ready["ntp"]:
        assert _is_off_by(_ask(address), -drift)


def test_one_server_can_lie_alone(simulator: Simulator) -> None:
    """Only the first of four is wrong."""
    simulator.world.clocks.ntp_one = 10.0
    for address, offset in zip(simulator.ready["ntp"], (-10.0, 0.0, 0.0, 0.0), strict=True):
        assert _is_off_by(_ask(address), offset)


def test_the_client_s_transmit_time_comes_back_as_origin() -> None:
    """A client can tell the answer to its own question."""
    request = bytes([0x23]) + bytes(39) + b"originat"
    answer = reply(request, 1_795_500_000.5)
    assert answer is not None
    assert answer[24:32] == b"originat"
    assert answer[40:48] == answer[32:40]
    assert int.from_bytes(answer[40:44]) == 1_795_500_000 + 2_208_988_800
    assert int.from_bytes(answer[44:48]) == 2**31


@pytest.mark.parametrize("request_", [b"", b"\x23" * 47, b"\x24" + bytes(47), b"\x03" + bytes(47)])
def test_what_is_no_client_packet_gets_no_answer(request_: bytes) -> None:
    """Short packets, other modes and version 0 are ignored."""
    assert reply(request_, 0.0) is None


def test_garbage_does_not_stop_a_server(simulator: Simulator) -> None:
    """A server answers the next client after nonsense."""
    host, port = simulator.ready["ntp"][0].split(":")
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.sendto(b"nonsense" * 100, (host, int(port)))
    assert _is_off_by(_ask(simulator.ready["ntp"][0]), 0)
