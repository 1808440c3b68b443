"""The way through the bot's own proxy, with a small one that works or does not."""

import base64
from dataclasses import dataclass

import pytest

from exporter.readings import NetworkFault, Stage
from tests.sources.network_probes import PONG, Authority, read, stages_of
from tests.sources.network_servers import (
    ConnectProxy,
    closed_port,
    serve,
)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """A certificate authority that nobody else trusts."""
    return Authority()


@dataclass(frozen=True)
class _Proxy:
    """Proxy settings that lead everything but ``direct`` through one proxy."""

    url: str
    direct: str = "-"

    def for_host(self, host: str) -> str | None:
        return None if host.startswith(self.direct) else self.url


def test_through_the_proxy(authority: Authority) -> None:
    """A tunnel for TLS, a forwarded request for plain HTTP; the name is the proxy's to look up."""
    proxy = ConnectProxy()
    with serve(proxy) as at, serve(authority.server(PONG, "127.0.0.1")) as port:
        settings = _Proxy(f"http://127.0.0.1:{at}")
        reading = read(
            port,
            "https",
            context=authority.client,
            read_proxy=lambda: settings,
            gateway=lambda: None,
        )
    assert reading.fault is NetworkFault.NONE, reading.detail
    stages = (Stage.DNS, Stage.PROXY, Stage.TCP, Stage.TLS, Stage.HTTP)
    assert tuple(stages_of(reading)) == stages
    assert reading.gateway is True
    with serve(proxy) as at, serve(PONG) as plain:
        settings = _Proxy(f"http://127.0.0.1:{at}")
        assert read(plain, read_proxy=lambda: settings).fault is NetworkFault.NONE
    expected = [f"CONNECT 127.0.0.1:{port}", f"GET http://127.0.0.1:{plain}/fapi/v1/ping"]
    assert proxy.seen == expected


def test_through_a_proxy_that_speaks_tls(authority: Authority) -> None:
    """TLS to the proxy, and TLS to the exchange inside it."""
    proxy, exchange = (authority.server(b, "127.0.0.1") for b in (ConnectProxy(), PONG))
    with serve(proxy) as at, serve(exchange) as port:
        settings = _Proxy(f"https://127.0.0.1:{at}")
        reading = read(port, "https", context=authority.client, read_proxy=lambda: settings)
    assert reading.fault is NetworkFault.NONE, reading.detail
    assert [step.stage for step in reading.stages].count(Stage.PROXY) == 1


def test_a_host_that_goes_without_the_proxy() -> None:
    """NO_PROXY is honoured: a dead proxy does not matter to it."""
    with serve(PONG) as port:
        settings = _Proxy(f"http://127.0.0.1:{closed_port()}", direct="127.0.0.1")
        assert read(port, read_proxy=lambda: settings).fault is NetworkFault.NONE


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_dead(scheme: str) -> None:
    """Whatever the scheme, the step to the proxy is what fails."""
    settings = _Proxy(f"http://127.0.0.1:{closed_port()}")
    reading = read(closed_port(), scheme, read_proxy=lambda: settings)
    assert reading.fault is NetworkFault.PROXY
    assert stages_of(reading) == {Stage.DNS: True, Stage.PROXY: False}


def test_a_proxy_whose_name_does_not_resolve() -> None:
    """That is the proxy's fault, not the exchange's name's."""
    settings = _Proxy("http://proxy.invalid:3128")
    reading = read(closed_port(), timeout=2, read_proxy=lambda: settings)
    assert reading.fault is NetworkFault.PROXY
    assert stages_of(reading) == {Stage.DNS: False}


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        (ConnectProxy(status=403), "HTTP 403"),
        (ConnectProxy(status=502), "HTTP 502"),
        (ConnectProxy(token="eA=="), "asks for a password"),
    ],
)
def test_a_proxy_that_refuses(proxy: ConnectProxy, words: str) -> None:
    """The detail says what it wants."""
    with serve(proxy) as at:
        settings = _Proxy(f"http://127.0.0.1:{at}")
        reading = read(closed_port(), "https", read_proxy=lambda: settings)
    assert reading.fault is NetworkFault.PROXY
    assert words in reading.detail


def test_a_password_goes_to_the_proxy_and_nowhere_else() -> None:
    """It opens the way and is in no detail."""
    token = base64.b64encode(b"us er:hunter2").decode()
    with serve(ConnectProxy(token=token)) as at, serve(PONG) as port:
        settings = _Proxy(f"http://us%20er:hunter2@127.0.0.1:{at}")
        assert read(port, read_proxy=lambda: settings).fault is NetworkFault.NONE
        refused = read(closed_port(), "https", read_proxy=lambda: settings)
    assert refused.fault is not NetworkFault.NONE
    assert "hunter2" not in repr(refused)
