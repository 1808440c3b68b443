"""Connections that end in time and go the bot's way, against sockets that misbehave."""

import base64
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import trustme

from exporter.config import Proxy
from exporter.errors import Reason, SourceError
from exporter.secrets import Secret
from exporter.sources import connection, transport
from exporter.sources.proxy import ProxySettings
from tests.sim.simulator import Simulator
from tests.sources.network_servers import (
    ConnectProxy,
    answering,
    closed_port,
    full_backlog,
    over_tls,
    read_head,
    relay,
    reset,
    serve,
    silent,
)
from tests.sources.venues import KINDS, sim_exchange

# For what answers, however slowly this machine lets it.
_SECONDS = 20.0
# For what never does: its time must run out, and leave time for what comes before the hanging.
_SHORT = 2.0


def _proxy(port: int, user: str = "", *direct: str) -> ProxySettings:
    name = f"http://127.0.0.1:{port}"
    url = name.replace("//", f"//{user}@") if user else name
    return ProxySettings(Secret(url), name, "127.0.0.1", port, direct)


def _fetch(
    url: str,
    proxy: ProxySettings | None = None,
    tls: ssl.SSLContext | None = None,
    seconds: float = _SECONDS,
) -> transport.Response:
    with connection.open_client(timeout=seconds, proxy=proxy, tls=tls) as client:
        return transport.fetch(client, client.build_request("GET", url), seconds)


def _failure(
    url: str, proxy: ProxySettings | None = None, *, seconds: float = _SECONDS
) -> SourceError:
    """Fail to fetch; what hangs here would hang for a minute."""
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        _fetch(url, proxy, seconds=seconds)
    assert time.monotonic() - started < seconds + 20
    return caught.value


def _drip(head: bytes) -> Callable[[socket.socket], None]:
    def behave(client: socket.socket) -> None:
        read_head(client)
        client.sendall(head)
        with contextlib.suppress(OSError):
            for _ in range(1200):
                client.sendall(b"x")
                time.sleep(0.05)

    return behave


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_head_or_body_that_drips_ends_in_time(head: bytes) -> None:
    """A byte now and then keeps every single read alive; the request is over all the same."""
    with serve(_drip(head)) as port:
        assert _failure(f"http://127.0.0.1:{port}", seconds=_SHORT).reason is Reason.TIMEOUT


def test_a_handshake_that_never_ends_ends_in_time() -> None:
    """TLS is asked for and nothing comes."""
    with serve(silent) as port:
        assert _failure(f"https://127.0.0.1:{port}", seconds=_SHORT).reason is Reason.TIMEOUT


def test_packets_that_are_dropped_end_in_time() -> None:
    """No refusal, no answer."""
    with full_backlog() as port:
        assert _failure(f"http://127.0.0.1:{port}", seconds=_SHORT).reason is Reason.TIMEOUT


def test_causes_are_named_without_a_proxy() -> None:
    """Refused, reset, no such name, no trusted certificate."""
    assert _failure(f"http://127.0.0.1:{closed_port()}").reason is Reason.REFUSED
    with serve(reset) as port:
        assert _failure(f"http://127.0.0.1:{port}").reason is Reason.NETWORK
    assert _failure("http://no-such-host.invalid").reason is Reason.DNS
    assert _failure(f"http://{'a' * 300}.test").reason in (Reason.DNS, Reason.UNSUPPORTED)
    with _tls_server() as (port, _):
        assert _failure(f"https://127.0.0.1:{port}").reason is Reason.TLS


@contextlib.contextmanager
def _tls_server() -> Iterator[tuple[int, ssl.SSLContext]]:
    """Answer over TLS; yields the port and a context that trusts it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with serve(over_tls(context, answering(200, b"{}"))) as port:
        yield port, trusting


def test_a_tunnel_is_opened_with_the_proxys_password() -> None:
    """TLS goes through the proxy, not to it."""
    gate = ConnectProxy(token=base64.b64encode(b"bot:hunter2").decode())
    with _tls_server() as (port, tls), serve(gate) as at:
        assert _fetch(f"https://127.0.0.1:{port}", _proxy(at, "bot:hunter2"), tls).status == 200
    assert gate.seen == [f"CONNECT 127.0.0.1:{port}"]


def test_a_host_that_goes_without_the_proxy_does_so() -> None:
    """NO_PROXY is obeyed for each host."""
    gate = ConnectProxy()
    with serve(answering(200, b"{}")) as port, serve(gate) as at:
        _fetch(f"http://127.0.0.1:{port}", _proxy(at, "", "127.0.0.1"))
        assert gate.seen == []
        _fetch(f"http://127.0.0.1:{port}", _proxy(at, "", f"127.0.0.1:{port + 1}"))
    assert len(gate.seen) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("user", ["", "bot:hunter2"])
def test_a_failure_at_the_proxy_is_the_proxys(scheme: str, user: str) -> None:
    """Nobody should look for the fault at the exchange; and the password is not told."""
    url = f"{scheme}://127.0.0.1:9"
    failures = [_failure(url, _proxy(closed_port(), user))]
    with full_backlog() as port:
        failures.append(_failure(url, _proxy(port, user), seconds=_SHORT))
    with serve(ConnectProxy(token="another")) as port:
        failures.append(_failure(url, _proxy(port, user)))
    if scheme == "https":
        with serve(silent) as port:
            failures.append(_failure(url, _proxy(port, user), seconds=_SHORT))
        for behave in (reset, ConnectProxy(status=502), lambda c: None):
            with serve(behave) as port:
                failures.append(_failure(url, _proxy(port, user)))
    for failure in failures:
        assert failure.reason is Reason.PROXY
        assert "hunter2" not in str(failure)


def test_behind_an_open_tunnel_the_fault_is_the_exchanges() -> None:
    """Once the proxy has done its part."""
    with _tls_server() as (port, _), serve(ConnectProxy()) as at:
        assert _failure(f"https://127.0.0.1:{port}", _proxy(at)).reason is Reason.TLS
    with serve(silent) as port, serve(ConnectProxy()) as at:
        failure = _failure(f"https://127.0.0.1:{port}", _proxy(at), seconds=_SHORT)
        assert failure.reason is Reason.TIMEOUT


class _Forwarding:
    """A proxy for plain HTTP: hands whole requests on, as they came, and remembers the first."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    def __call__(self, client: socket.socket) -> None:
        """Serve one client."""
        head = read_head(client)
        self.heads.append(head)
        url = httpx.URL(head.split(b" ", 2)[1].decode())
        with socket.create_connection((url.host, url.port or 80), 60) as onward:
            onward.sendall(head)
            relay(client, onward)


@pytest.mark.parametrize("kind", KINDS)
def test_every_venue_is_reached_through_the_bots_proxy(simulator: Simulator, kind: str) -> None:
    """From the configuration to the account, signed requests included."""
    gate = _Forwarding()
    with serve(gate) as port:
        proxy = Proxy(url=f"http://127.0.0.1:{port}")
        with sim_exchange(simulator, kind, proxy=proxy) as exchange:
            exchange.account()
    assert gate.heads
    assert all(head.startswith(b"GET http://") for head in gate.heads)
    dead = Proxy(url=f"http://127.0.0.1:{closed_port()}")
    with (
        sim_exchange(simulator, kind, proxy=dead) as exchange,
        pytest.raises(SourceError) as caught,
    ):
        exchange.ping()
    assert caught.value.reason is Reason.PROXY


def test_the_exporters_own_environment_means_nothing(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way that is measured is the bot's."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    with sim_exchange(simulator, "binance_usdm") as exchange:
        exchange.ping()


def test_a_client_closed_under_a_request_is_a_network_failure() -> None:
    """A reload closes what a slow request still uses."""

    def close(connection: socket.socket) -> None:
        read_head(connection)
        client.close()
        silent(connection)

    client = connection.open_client(timeout=_SECONDS)
    with serve(close) as port:
        request = client.build_request("GET", f"http://127.0.0.1:{port}")
        with pytest.raises(SourceError) as caught:
            transport.fetch(client, request, _SHORT)
        assert caught.value.reason in (Reason.NETWORK, Reason.TIMEOUT)
        with pytest.raises(SourceError) as caught:
            transport.fetch(client, request, _SECONDS)
        assert caught.value.reason is Reason.NETWORK
