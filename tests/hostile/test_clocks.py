"""Time servers that lie, refuse or babble, beside a second exchange that attacks."""

import itertools
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exporter.errors import Reason
from tests.hostile.answers import ANSWERS
from tests.hostile.ground import Ground, Scrape, check_log, unforeseen
from tests.hostile.server import Front
from tests.sim.simulator import Simulator
from tests.sources.bots import write
from tests.sources.ntp_server import NtpServer

# The first test that asks for the story waits until it is told, on a busy machine for minutes.
pytestmark = pytest.mark.timeout(600)
Spoil = Callable[[int, bytes], bytes | None]

_PATIENCE_SECONDS = 60.0
_OFFSET = 'tradingbot_clock_offset_seconds{bot="alpha",reference="ntp"}'


def _put(at: int, data: bytes) -> Spoil:
    """Overwrite a part of every answer."""
    return lambda _, packet: packet[:at] + data + packet[at + len(data) :]


def _shifted(seconds: Callable[[int], int]) -> Spoil:
    """Have each server tell another time: how far off depends on its number."""

    def spoil(number: int, packet: bytes) -> bytes:
        stamps = list(struct.unpack("!IIII", packet[32:48]))
        for index in (0, 2):
            stamps[index] = (stamps[index] + seconds(number)) & 0xFFFFFFFF
        return packet[:32] + struct.pack("!IIII", *stamps)

    return spoil


@dataclass(frozen=True)
class Lie:
    """What four servers do; ``reason`` is None if the truth is to be found out all the same."""

    spoil: Spoil
    reason: Reason | None = Reason.BAD_RESPONSE


# Offsets in the packet: RFC 5905, figure 8. The origin timestamp is at 24, receive at 32.
LIES = {
    "silent": Lie(lambda _, __: None, Reason.TIMEOUT),
    "nothing_in_it": Lie(lambda _, __: b""),
    "short": Lie(lambda _, packet: packet[:40]),
    "noise": Lie(lambda _, packet: b"\xff" * len(packet)),
    "zeros": Lie(lambda _, packet: bytes(len(packet))),
    "endless": Lie(lambda _, packet: packet[:24] + b"\xa5" * 1400),
    "kiss_of_death": Lie(_put(1, b"\x00")),
    "kiss_rate": Lie(lambda _, packet: packet[:1] + b"\x00" + packet[2:12] + b"RATE" + packet[16:]),
    "stratum_of_nobody": Lie(_put(1, b"\x10")),
    "not_synchronised": Lie(lambda _, packet: bytes((packet[0] | 0xC0,)) + packet[1:]),
    "another_question": Lie(_put(24, b"\x01\x02\x03\x04")),
    "a_question": Lie(_put(0, b"\x23")),
    "uncertain": Lie(_put(8, b"\x7f\xff\xff\xff")),
    "no_time": Lie(_put(32, bytes(16))),
    "all_differ": Lie(_shifted(lambda number: 1000 * number), Reason.NO_MAJORITY),
    "two_and_two": Lie(_shifted(lambda number: 3600 * (number % 2)), Reason.NO_MAJORITY),
    "one_lies": Lie(_shifted(lambda number: 86400 if number == 2 else 0), None),
    "one_is_mad": Lie(lambda number, packet: b"\xff" * 48 if number == 1 else packet, None),
}


@dataclass(repr=False)
class Story:
    """What was seen: before, of each lie with an attack on the reference, and when all is over."""

    before: Scrape
    after: Scrape
    seen: dict[str, tuple[Scrape, Scrape]] = field(default_factory=dict)
    log: str = ""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """All lies, one after the other, each beside another attack on the reference."""
    return _tell(tmp_path_factory.mktemp("clocks"))


def _tell(directory: Path) -> Story:
    lie: list[Spoil] = [_honest]
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator())
        front = stack.enter_context(Front(simulator.reference.server_port))
        servers = [
            stack.enter_context(NtpServer(spoil=_server(number, lie))) for number in range(4)
        ]
        ground = _ground(directory, [server.address for server in servers], front)
        stack.callback(ground.stop)
        calm = _until(ground, lambda scrape: _ups(scrape) == (True, True))
        story = Story(calm, calm)
        before = calm
        for (name, one), attack in zip(LIES.items(), itertools.cycle(ANSWERS.values())):
            lie[0] = one.spoil
            front.attack(attack)
            now = _until(ground, _showing(before, one))
            story.seen[name] = (before, now)
            before = now
        lie[0] = _honest
        front.attack(None)
        story.after = _until(ground, lambda scrape: _ups(scrape) == (True, True))
        story.log = ground.served.log
        return story


def _honest(_: int, packet: bytes) -> bytes:
    return packet


def _server(number: int, lie: list[Spoil]) -> Callable[[bytes], bytes | None]:
    """What one of the servers does with its answers, which may change."""
    return lambda packet: lie[0](number, packet)


def _showing(before: Scrape, lie: Lie) -> Callable[[Scrape], bool]:
    return lambda scrape: _shown(scrape, before, lie)


def _ground(directory: Path, servers: list[str], front: Front) -> Ground:
    root = directory / "bot"
    write(root, "state/kill_switch_state.json", '{"tripped": false}')
    write(root, "state/heartbeat", "")
    bot = {
        "name": "alpha",
        "mode": "paper",
        "root": str(root),
        "venue": {"kind": "binance_usdm", "base_url": "http://127.0.0.1:9"},
        "process": {"pidfile": "state/bot.pid"},
        "heartbeat": {"file": "state/heartbeat"},
    }
    settings = {
        "ntp_servers": servers,
        "ntp_poll_seconds": 0.2,
        "clock_references": [{"kind": "binance_usdm", "base_url": front.url}],
        "timeout_seconds": 0.8,
        "data_dir": None,
    }
    return Ground(directory, {"bots": [bot], "exporter": settings})


def _ups(scrape: Scrape) -> tuple[bool, bool]:
    return scrape.sources("alpha")["ntp"], scrape.sources("alpha")["reference"]


def _shown(scrape: Scrape, before: Scrape, lie: Lie) -> bool:
    if not scrape.has_failed("alpha", "reference", before):
        return False
    if lie.reason is None:
        return scrape.sources("alpha")["ntp"]
    now, then = scrape.failures("alpha", "ntp"), before.failures("alpha", "ntp")
    return now[lie.reason] > then[lie.reason] and not scrape.sources("alpha")["ntp"]


def _until(ground: Ground, good: Callable[[Scrape], bool]) -> Scrape:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        scrape = ground.scrape()
        if good(scrape) or time.monotonic() > deadline:
            return scrape
        time.sleep(0.1)


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found_out(story: Story, name: str) -> None:
    """Down for the right reason, or right in spite of it; and never a wrong offset."""
    before, now = story.seen[name]
    assert _shown(now, before, LIES[name])
    assert not unforeseen("reference", *_failures(before, now, "reference"))
    assert not unforeseen("ntp", *_failures(before, now, "ntp"))
    offset = now.value(_OFFSET)
    assert offset is None or abs(offset) < 0.5


def test_the_rest_is_up(story: Story) -> None:
    """Files are read, whatever the time is."""
    for _, now in story.seen.values():
        up = now.sources("alpha")
        assert all(up[source] for source in ("bot_files", "process", "heartbeat", "disk"))


def test_it_is_over_when_they_tell_the_truth(story: Story) -> None:
    """Nothing has to be restarted, and nothing has broken."""
    assert _ups(story.after) == (True, True)
    assert abs(story.after.value(_OFFSET) or 99) < 0.5
    check_log(story.log)


def _failures(
    before: Scrape, now: Scrape, source: str
) -> tuple[dict[str, float], dict[str, float]]:
    return before.failures("alpha", source), now.failures("alpha", source)
