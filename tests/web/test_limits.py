"""How much may go on at once, and what is said to those over it; in this process."""

import re
import socket
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.core import Metric

from exporter import config_file
from exporter.collectors import Collector
from exporter.runtime import Exporter
from exporter.scrape import TIMEOUT_HEADER, Scraper
from exporter.snapshot import Snapshot
from exporter.web.access import Access, Bucket
from exporter.web.endpoints import Endpoints
from exporter.web.listen import ListenError, listen
from exporter.web.options import WebOptions, make_options
from exporter.web.server import Server
from exporter.web.web_config import RateLimit
from tests.web.served import PATIENCE_SECONDS, wait_for

# A scrape that is to hang until it is let go needs all this time.
_LONG_SCRAPE = {TIMEOUT_HEADER: "240"}
_POOLS = ("answer-", "collect-")


@contextmanager
def _serving(config: Path, collector: Collector, options: WebOptions) -> Iterator[str]:
    """Serve an exporter whose only collector is this one."""
    exporter = Exporter(config, config_file.load(config), Scraper([collector]))
    access = Access(None)
    server = Server(listen(["127.0.0.1:0"]), access, Endpoints(exporter, access, options))
    exporter.start()
    server.start()
    try:
        yield server.addresses[0]
    finally:
        server.stop()
        exporter.stop()


def _client() -> httpx.Client:
    return httpx.Client(timeout=2 * PATIENCE_SECONDS, trust_env=False)


class _Slow:
    """A collector that waits to be told, and counts who waits."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self._lock = threading.Lock()
        self.waiting = 0

    def collect(self, _: Snapshot) -> Iterable[Metric]:
        with self._lock:
            self.waiting += 1
        self.go_on.wait(100)
        return ()


@pytest.fixture
def slow() -> Iterator[_Slow]:
    """A slow collector, let go in the end."""
    made = _Slow()
    yield made
    made.go_on.set()


def test_no_more_scrapes_run_at_once_than_may(config: Path, slow: _Slow) -> None:
    """The next is told to come again, other endpoints answer, and the running ones end well."""
    collector = Collector("slow", slow.collect, ())
    with (
        _serving(config, collector, WebOptions(max_requests=2)) as url,
        _client() as client,
        ThreadPoolExecutor(2) as pool,
    ):
        running = [
            pool.submit(client.get, f"{url}/metrics", headers=_LONG_SCRAPE) for _ in range(2)
        ]
        wait_for("both to be running", lambda: slow.waiting == 2)
        over = client.get(f"{url}/metrics")
        assert over.status_code == 503
        assert over.headers["retry-after"] == "1"
        assert over.text == "503 2 scrapes are running, as many as may; try again\n"
        for path in ("/", "/-/healthy", "/config"):
            assert client.get(f"{url}{path}").status_code == 200
        slow.go_on.set()
        assert [answer.result().status_code for answer in running] == [200, 200]
        assert client.get(f"{url}/metrics").status_code == 200


def test_zero_does_not_limit_scrapes(config: Path, slow: _Slow) -> None:
    """As in Prometheus' own exporters."""
    collector = Collector("slow", slow.collect, ())
    with (
        _serving(config, collector, WebOptions(max_requests=0)) as url,
        _client() as client,
        ThreadPoolExecutor(50) as pool,
    ):
        running = [
            pool.submit(client.get, f"{url}/metrics", headers=_LONG_SCRAPE) for _ in range(50)
        ]
        wait_for("all to be running", lambda: slow.waiting == 50)
        slow.go_on.set()
        assert {answer.result().status_code for answer in running} == {200}


def test_what_breaks_in_an_answer_is_a_500_and_no_more(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The next one is answered."""

    def wrong(_: Snapshot) -> Iterable[Metric]:
        return ("not a metric",)  # type: ignore[return-value]

    collector = Collector("wrong", wrong, ())
    with _serving(config, collector, WebOptions()) as url, _client() as client:
        broken = client.get(f"{url}/metrics")
        assert (broken.status_code, broken.text) == (500, "500 Internal Server Error\n")
        assert client.get(f"{url}/-/healthy").status_code == 200
    assert "request failed" in caplog.text


def test_the_scrapers_timeout_is_kept(config: Path, slow: _Slow) -> None:
    """A collector that hangs costs its own metrics, and not the scrape."""
    collector = Collector("slow", slow.collect, ())
    with _serving(config, collector, WebOptions(timeout_offset=0.25)) as url:
        header = {TIMEOUT_HEADER: "1"}
        answer = httpx.get(f"{url}/metrics", headers=header, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200
    assert 'collector_success{collector="slow"} 0.0' in answer.text
    # How long it was waited for: half of what is left after the offset, or less when busy.
    waited = re.search(r'collector_duration_seconds\{collector="slow"\} (\S+)', answer.text)
    assert waited is not None
    assert float(waited[1]) <= (1 - 0.25) / 2
    assert "tradewarden_exporter_build_info" in answer.text


def test_looking_does_not_cost_threads(config: Path) -> None:
    """Scrapes and pages one after the other are made by the same few."""
    collector = Collector("quick", lambda _: (), ())
    with _serving(config, collector, WebOptions()) as url, _client() as client:

        def look() -> None:
            for path in ("/metrics", "/debug/kill_switch", "/config"):
                assert client.get(f"{url}{path}").status_code == 200

        def threads() -> set[threading.Thread]:
            return {t for t in threading.enumerate() if t.name.startswith(_POOLS)}

        before = threads()
        look()
        first = threads()
        for _ in range(10):
            look()
        assert first - before
        assert threads() == first


def test_a_bucket_refills_and_holds_a_burst() -> None:
    """One each interval, and never more than the burst."""
    now = [0.0]
    bucket = Bucket(RateLimit(seconds=2.0, burst=3), clock=lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 1.9
    assert not bucket.take()
    now[0] = 2.0
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


_FLAGS = {
    "telemetry_path": "/metrics",
    "external_url": None,
    "route_prefix": None,
    "max_requests": 40,
    "timeout_offset": 0.5,
}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"telemetry_path": ""}, "--web.telemetry-path: an empty path is no path"),
        ({"telemetry_path": "metrics"}, "--web.telemetry-path: metrics is no path"),
        ({"telemetry_path": "/"}, "--web.telemetry-path: / collides"),
        ({"telemetry_path": "/config"}, "--web.telemetry-path: /config collides"),
        ({"telemetry_path": "/-/metrics"}, "--web.telemetry-path: /-/metrics collides"),
        ({"telemetry_path": "/debug/x"}, "--web.telemetry-path: /debug/x collides"),
        ({"telemetry_path": "/a b"}, "--web.telemetry-path: /a b is no path"),
        ({"telemetry_path": "/a?b"}, "--web.telemetry-path: /a?b is no path"),
        ({"external_url": "proxy.example"}, "--web.external-url: proxy.example is no URL"),
        ({"external_url": "ftp://a/b"}, "--web.external-url: ftp://a/b is no URL"),
        ({"external_url": "http://[x/"}, "--web.external-url: http://[x/ is no URL"),
        ({"route_prefix": "x"}, "--web.route-prefix: x is no path"),
    ],
)
def test_a_senseless_path_is_refused(flags: dict[str, str], message: str) -> None:
    """Naming the flag."""
    with pytest.raises(ValueError) as caught:
        make_options(**{**_FLAGS, **flags})  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("url", "prefix", "external", "route"),
    [
        (None, None, "", ""),
        ("https://h", None, "", ""),
        ("https://h/a/", None, "/a", "/a"),
        ("https://h/a", "/", "/a", ""),
        ("https://h/a", "/b/", "/a", "/b"),
        (None, "/b", "/b", "/b"),
    ],
)
def test_links_and_paths_may_begin_differently(
    url: str | None, prefix: str | None, external: str, route: str
) -> None:
    """A proxy may take the prefix away, as Prometheus' own flags allow for."""
    flags = {**_FLAGS, "external_url": url, "route_prefix": prefix}
    options = make_options(**flags)  # type: ignore[arg-type]
    assert (options.external_path, options.route_prefix) == (external, route)


@pytest.mark.parametrize(
    "address",
    ["", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:9840", "[]:0"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """Instead of listening somewhere else."""
    with pytest.raises(ListenError, match="cannot listen on"):
        listen([address])


def test_addresses_are_listened_on_all_or_none() -> None:
    """The loopback alone for a bare port, both families, and nothing left over after a failure."""
    held = socket.socket(socket.AF_INET6)  # bound alone, it keeps others away, and not us
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("::1", 0))
    free = held.getsockname()[1]
    first, second = listen([":0", f"[::1]:{free}"])
    assert first.getsockname()[0] == "127.0.0.1"
    assert second.getsockname()[0] == "::1"
    taken = first.getsockname()[1]
    second.close()
    with pytest.raises(ListenError, match=f"cannot listen on :{taken}: Address already in use"):
        listen([f"[::1]:{free}", f":{taken}"])
    first.close()
    for sock in listen([f"[::1]:{free}", "localhost:0"]):
        sock.close()
    held.close()


def test_everything_of_ipv6_means_ipv4_too() -> None:
    """As in Go: [::] is every address there is."""
    (both,) = listen(["[::]:0"])
    with (
        both,
        socket.create_connection(("127.0.0.1", both.getsockname()[1]), timeout=PATIENCE_SECONDS),
    ):
        pass
