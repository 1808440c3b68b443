"""The shared book of limits: silences, what the bot has used, our own share."""

import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.doctor.exchange_looks import OnePassBook
from exporter.errors import Reason, SourceError
from exporter.readings import RateLimit
from exporter.secrets import ApiKey, Secret
from exporter.sources.exchange import RateBook, host_of
from exporter.sources.exchange.rate_limits import Meter, Silence, Usage
from tests.sim.simulator import Simulator
from tests.sources.replies import reply
from tests.sources.venues import HOST, KEY, NOW, alpaca, sim_exchange, sim_key, spot, usdm

METER = Meter(HOST, "fapi", 1000)


class Time:
    """A monotonic clock that a test moves, and a wall clock beside it."""

    def __init__(self) -> None:
        self.now = 5.0

    def book(self) -> RateBook:
        """Return a book that lives by this clock."""
        return RateBook(monotonic=lambda: self.now, wall=lambda: NOW + self.now)


@pytest.fixture
def frozen() -> Iterator[Simulator]:
    """A simulator in whose minute, in which it counts, no time passes."""
    with Simulator(wall=lambda: NOW + 20) as running:
        yield running


def _refused(ask: Callable[[], object]) -> Reason | None:
    try:
        ask()
    except SourceError as error:
        return error.reason
    return None


def _sends(answer: Callable[[], httpx.Response], asked: list[str]) -> Callable[..., httpx.Response]:
    def send(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return answer()

    return send


@pytest.mark.parametrize(("status", "reason"), [(418, Reason.BANNED), (429, Reason.RATE_LIMITED)])
def test_a_ban_of_one_client_silences_all_on_its_host_and_ends(status: int, reason: Reason) -> None:
    """The exchange counts by IP: three clients, one of them hears it, all three obey."""
    time, asked = Time(), list[str]()
    book = time.book()
    answers = [reply("{}", status, {"Retry-After": "30"})]
    send = _sends(lambda: answers.pop() if answers else reply({}), asked)
    clients = (usdm(send, limits=book), usdm(send, limits=book), spot(send, limits=book))
    assert _refused(clients[0].ping) is reason
    for client in clients:
        assert _refused(client.ping) is reason
        assert _refused(client.account) is reason
    assert len(asked) == 1
    assert book.quiet_until(HOST) == pytest.approx(NOW + 35)
    time.now += 30.01
    assert book.quiet_until(HOST) is None
    for client in clients:
        client.ping()
    assert len(asked) == 4


def test_a_ban_of_one_host_leaves_others_alone() -> None:
    """Another exchange has not banned us."""
    time = Time()
    book = time.book()
    book.note(METER, None, Silence(30, Reason.BANNED))
    with pytest.raises(SourceError):
        book.admit(METER, 1, None)
    book.admit(Meter("other.test", "fapi", 1000), 1, None)
    assert book.quiet_until("other.test") is None


def test_a_shorter_silence_does_not_end_a_longer_one() -> None:
    """A late 429 arrives after the ban."""
    time = Time()
    book = time.book()
    book.note(METER, None, Silence(300, Reason.BANNED))
    book.note(METER, None, Silence(5, Reason.RATE_LIMITED))
    time.now += 200
    assert _refused(lambda: book.admit(METER, 1, None)) in (Reason.BANNED, Reason.RATE_LIMITED)


def test_more_than_the_documented_limit_was_used_and_nobody_refused() -> None:
    """Then the limit is another one here, until the exchange says which."""
    book = Time().book()
    book.note(METER, Usage(used=950, limit=None, seconds_left=60), None)
    assert _refused(lambda: book.admit(METER, 1, 0.5)) is Reason.BUDGET
    book.note(METER, Usage(used=1001, limit=None, seconds_left=60), None)
    assert _refused(lambda: book.admit(METER, 1, 0.5)) is None
    book.learn(METER, 1000)
    assert _refused(lambda: book.admit(METER, 1, 0.5)) is Reason.BUDGET


def test_a_single_pass_waits_for_the_limit_that_is_told() -> None:
    """It cannot ask again a minute later."""
    book = OnePassBook()
    book.note(METER, Usage(used=950, limit=None, seconds_left=60), None)
    assert _refused(lambda: book.admit(METER, 1, 0.5)) is None
    book.learn(METER, 1000)
    assert _refused(lambda: book.admit(METER, 1, 0.5)) is Reason.BUDGET


def test_the_broker_counts_by_key() -> None:
    """A key that is over its limit is silent; another key of the same host is not."""
    time, asked = Time(), list[str]()
    book = time.book()
    other = ApiKey(Secret("another"), Secret("secret"))

    def send(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["APCA-API-KEY-ID"])
        over = request.headers["APCA-API-KEY-ID"] == KEY.key.reveal()
        return reply({"code": 42910000}, 429) if over else reply({})

    for _ in range(3):
        assert _refused(alpaca(send, limits=book).ping) is Reason.RATE_LIMITED
        assert _refused(alpaca(send, limits=book, key=other).ping) is None
    assert asked.count(KEY.key.reveal()) == 1
    assert book.quiet_until(HOST) == pytest.approx(NOW + 5 + 60)


def test_our_own_share_is_kept_before_anything_is_sent() -> None:
    """A request that would exceed it is refused here and not by the exchange."""
    time, asked = Time(), list[str]()
    book = time.book()
    seen: list[object] = []
    send = _sends(lambda: reply([]), asked)
    client = usdm(send, key=None, limits=book, share=0.01, observe=seen.append)
    for _ in range(24):
        client.ping()
    assert _refused(client.ping) is Reason.BUDGET
    assert _refused(usdm(send, limits=book, share=0.01).ping) is Reason.BUDGET
    assert len(asked) == len(seen) == 24
    # Another bot's larger share is measured by the same spending.
    usdm(send, limits=book, share=0.02).ping()
    time.now += 60
    client.ping()


@given(
    st.lists(st.tuples(st.floats(0, 40), st.integers(1, 300)), max_size=60),
    st.floats(0.01, 0.5),
)
def test_no_minute_ever_holds_more_than_our_share(
    requests: list[tuple[float, int]], share: float
) -> None:
    """Whatever the exchange's window is aligned to."""
    time = Time()
    book = time.book()
    sent: list[tuple[float, int]] = []
    for pause, weight in requests:
        time.now += pause
        if _refused(lambda weight=weight: book.admit(METER, weight, share)) is None:  # type: ignore[misc]
            sent.append((time.now, weight))
    for start, _ in sent:
        within = sum(weight for at, weight in sent if start <= at < start + 60)
        assert within <= share * METER.limit


def test_what_is_left_belongs_to_the_bot() -> None:
    """The bot is near the IP's limit: ours would take what it needs to cancel its orders."""
    time = Time()
    book = time.book()
    book.note(METER, Usage(890, seconds_left=20), None)
    book.admit(METER, 10, 0.5)
    book.note(METER, Usage(895, seconds_left=20), None)
    assert _refused(lambda: book.admit(METER, 10, 0.5)) is Reason.BUDGET
    book.admit(METER, 10, None)
    time.now += 20
    book.admit(METER, 10, 0.5)


def test_a_published_limit_replaces_the_documented_one() -> None:
    """Exchanges change them."""
    book = Time().book()
    book.learn(METER, 10)
    assert _refused(lambda: book.admit(METER, 2, 0.1)) is Reason.BUDGET
    book.learn(METER, 100)
    book.admit(METER, 2, 0.1)


def test_readings_are_of_the_last_minute() -> None:
    """A figure that nobody has confirmed since is unknown."""
    time = Time()
    book = time.book()
    assert book.readings((METER,)) == ()
    book.note(METER, Usage(12), None)
    assert book.readings((METER,)) == (RateLimit("weight", "ip", 60.0, 12, 1000),)
    time.now += 61
    assert book.readings((METER,)) == ()


def test_threads_together_spend_no_more_than_the_share() -> None:
    """Counting and refusing are one step."""
    book = RateBook()
    admitted: list[int] = []

    def spend() -> None:
        tries = (_refused(lambda: book.admit(METER, 1, 0.1)) for _ in range(200))
        admitted.extend(1 for reason in tries if reason is None)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 100


@pytest.mark.parametrize(
    ("kind", "family", "expected"),
    [
        ("binance_spot", "spot", ("weight", "ip")),
        ("binance_usdm", "usdm", ("weight", "ip")),
        ("alpaca", "alpaca", ("requests", "key")),
    ],
)
def test_headers_and_limits_of_each_venue(
    frozen: Simulator, kind: str, family: str, expected: tuple[str, str]
) -> None:
    """What the venue says is used and allowed."""
    frozen.world.limits.allowed[family] = 777
    book = RateBook()
    with sim_exchange(frozen, kind, limits=book) as exchange:
        assert exchange.rate_limits() == ()
        exchange.rules(("AAPL" if kind == "alpaca" else "BTCUSDT",))
        exchange.ping()
        (limit,) = exchange.rate_limits()
    assert (limit.kind, limit.scope) == expected
    assert limit.interval_seconds == 60
    assert limit.limit == 777
    assert 2 <= limit.used <= 30


def test_the_exchange_bans_and_we_fall_silent(frozen: Simulator) -> None:
    """End to end: 418 from the simulator, then no request arrives there."""
    world = frozen.world
    world.limits.allowed["usdm"], world.limits.ban_after = 3, 0
    book = RateBook()
    with sim_exchange(frozen, "binance_usdm", limits=book) as exchange:
        for _ in range(3):
            exchange.ping()
        assert _refused(exchange.ping) is Reason.BANNED
        before = dict(world.requests)
        with sim_exchange(frozen, "binance_spot", limits=book) as second:
            for ask in (exchange.ping, second.ping, second.account, exchange.status):
                assert _refused(ask) is Reason.BANNED
    assert dict(world.requests) == before
    assert book.quiet_until(host_of(frozen.exchange.url)) is not None


def test_the_brokers_429_has_no_retry_after(frozen: Simulator) -> None:
    """The reset of the limit says when to come back."""
    frozen.world.limits.allowed["alpaca"] = 3
    book = RateBook()
    with sim_exchange(frozen, "alpaca", limits=book) as exchange:
        for _ in range(3):
            _refused(exchange.ping)
        assert _refused(exchange.check_key) in (Reason.RATE_LIMITED, Reason.BUDGET)
    with sim_exchange(
        frozen, "alpaca", limits=book, key=sim_key(frozen, "alpaca", "bot")
    ) as exchange:
        exchange.ping()
