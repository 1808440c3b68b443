"""The probe's own requests: counted like all others, and not sent where they are not wanted."""

import socket

import msgspec
import pytest

from exporter.config import Venue
from exporter.errors import Reason, SourceError
from exporter.readings import NetworkFault, NetworkReading, Stage
from exporter.sources.exchange import RateBook, host_of, open_exchange
from exporter.sources.exchange.probe_toll import ProbeToll
from exporter.sources.exchange.rate_limits import Meter, Silence
from tests.sources.network_probes import PONG, Authority, probe, stages_of
from tests.sources.network_servers import Behaviour, answering, reset, serve

_SHARE = 0.5


class _Counted:
    """Behaves like another server, and counts who has spoken to it."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self._behaviours = list(behaviours)
        self.asked = 0

    def __call__(self, connection: socket.socket) -> None:
        """Serve one client; the last behaviour is that of all later ones, too."""
        if connection.recv(1, socket.MSG_PEEK):
            self.asked += 1
            now = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
            now(connection)


class _Desk:
    """A probe of one port that counts in a book with a small limit."""

    def __init__(self, port: int, limit: int = 1000, kind: str = "binance_usdm") -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.host = host_of(self.url)
        self.book = RateBook()
        spot = kind == "binance_spot"
        self.meter = Meter(self.host, "api", 6000) if spot else Meter(self.host, "fapi", 2400)
        self.keyed = Meter(self.host, "v2", 200, kind="requests", key="0123456789abcdef")
        self.book.learn(self.meter, limit)
        plain = {"kind": kind, "base_url": self.url, "rate_limit_share": _SHARE}
        self.venue = msgspec.convert(plain, Venue)
        self.toll = ProbeToll(self.venue, self.book)

    def read(self, *others: str) -> NetworkReading:
        """Walk there."""
        return probe(self.url, toll=self.toll, others=others).read()


def test_each_try_counts_in_the_book_of_everybody() -> None:
    """The same account as a client's: what the probe has spent, no client can."""
    server = _Counted(PONG)
    with serve(server) as port:
        desk = _Desk(port, limit=6)
        for _ in range(3):
            assert stages_of(desk.read())[Stage.HTTP]
        with pytest.raises(SourceError) as refused:
            desk.book.admit(desk.meter, 1, _SHARE)
    assert refused.value.reason is Reason.BUDGET
    assert server.asked == 3


@pytest.mark.parametrize("kind", ["binance_usdm", "binance_spot"])
def test_probe_and_client_mean_the_same_account(kind: str) -> None:
    """Whatever the client calls its meter."""
    server = _Counted(PONG)
    with serve(server) as port:
        desk = _Desk(port, limit=4, kind=kind)
        client = open_exchange(desk.venue, None, timeout=20, limits=desk.book)
        client.ping()
        client.close()
        assert stages_of(desk.read())[Stage.HTTP]
        assert Stage.HTTP not in stages_of(desk.read())
    assert server.asked == 2


def test_without_a_share_left_it_goes_to_the_door_alone() -> None:
    """What is known of the way is shown; the exchange is not asked."""
    server = _Counted(PONG)
    with serve(server) as port:
        desk = _Desk(port, limit=1)
        reading = desk.read()
    assert server.asked == 0
    assert stages_of(reading) == {Stage.DNS: True, Stage.TCP: True}
    assert reading.fault is NetworkFault.NONE


@pytest.mark.parametrize("kind", ["binance_usdm", "binance_spot", "alpaca"])
def test_a_refusal_that_the_probe_hears_silences_all_whom_it_may_mean(kind: str) -> None:
    """It asks no second time. Limits by address are everybody's; the broker's are a key's."""
    server = _Counted(answering(429, b"{}", head="Retry-After: 30\r\n"), PONG)
    with serve(server) as port:
        desk = _Desk(port, kind=kind)
        assert desk.read().reachable
        assert desk.book.quiet_until(desk.host) is not None
        if kind == "alpaca":
            desk.book.admit(desk.keyed, 1, None)
        else:
            for meter in (desk.meter, desk.keyed):
                with pytest.raises(SourceError):
                    desk.book.admit(meter, 1, None)
        assert Stage.HTTP not in stages_of(desk.read())
    assert server.asked == 1


def test_a_silence_that_begins_between_two_tries_ends_them() -> None:
    """And what the exchange had said until then is not hidden."""
    with serve(answering(503, b"{}")) as port:
        desk = _Desk(port)
        silence = Silence(30, Reason.BANNED)
        reading = probe(
            desk.url,
            toll=desk.toll,
            pause=lambda _: desk.book.note(desk.meter, None, silence),
        ).read()
    assert reading.fault is NetworkFault.SERVER
    assert stages_of(reading)[Stage.HTTP] is False


@pytest.mark.parametrize("between", [(), (reset,), (reset, reset)])
def test_a_bad_answer_is_not_hidden_by_what_came_after_it(between: tuple[Behaviour, ...]) -> None:
    """Nor by tries that never got there: the last one did, and only was not allowed to ask."""
    behaviours = iter((answering(503, b"{}"), *between, PONG))
    tls = Authority()

    def behave(connection: socket.socket) -> None:
        behaviour = next(behaviours)
        if behaviour is reset:
            reset(connection)
        else:
            tls.server(behaviour, "localhost")(connection)

    with serve(behave) as port:
        desk = _Desk(port)
        silence = Silence(30, Reason.BANNED)
        reading = probe(
            f"https://localhost:{port}",
            toll=desk.toll,
            context=tls.client,
            tries=len(between) + 2,
            pause=lambda _: desk.book.note(desk.meter, None, silence),
        ).read()
    assert reading.fault is NetworkFault.SERVER
    assert stages_of(reading)[Stage.HTTP] is False


def test_a_second_host_that_wants_silence_gets_it() -> None:
    """That it can be connected to is enough."""
    second = _Counted(PONG)
    with serve(PONG) as port, serve(second) as other:
        desk = _Desk(port)
        url = f"http://127.0.0.1:{other}"
        meter = Meter(host_of(url), "api", 6000)
        desk.book.note(meter, None, Silence(30, Reason.BANNED))
        assert desk.read(url).others_reachable is True
    assert second.asked == 0


def test_what_the_answer_says_of_the_limit_is_remembered() -> None:
    """The bot's own weight shows even if nothing but the probe is answered."""
    head = "X-MBX-USED-WEIGHT-1M: 321\r\n"
    with serve(answering(200, b"{}", head=head)) as port:
        desk = _Desk(port)
        desk.read()
    (limit,) = desk.book.readings([desk.meter])
    assert limit.used == 321
