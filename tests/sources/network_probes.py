"""A quick probe, what it found, and certificates of an authority that nobody else trusts."""

import ssl
from typing import Any

import msgspec
import trustme

from exporter.config import Venue
from exporter.readings import NetworkReading, Stage
from exporter.sources.network import NetworkProbe
from tests.sources.network_servers import Behaviour, answering, over_tls

PONG = answering(200, b"{}")
HTML = "text/html"


class Authority:
    """A certificate authority: a client that trusts it, and servers that it vouches for."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self.client = ssl.create_default_context()
        self._authority.configure_trust(self.client)

    def server(self, inside: Behaviour, *names: str, **options: Any) -> Behaviour:
        """Behave as a TLS server whose certificate carries these names."""
        return over_tls(self.server_context(*names, **options), inside)

    def server_context(self, *names: str, **options: Any) -> ssl.SSLContext:
        """Return a server's side of TLS with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names, **options).configure_cert(context)
        return context


def probe(url: str, **options: Any) -> NetworkProbe:
    """Return a probe of a USD-M venue that does not pause; what should time out says when."""
    venue = msgspec.convert({"kind": "binance_usdm", "base_url": url}, Venue)
    usual: dict[str, Any] = {"timeout": 20, "pause": lambda _: None, "gateway": lambda: True}
    return NetworkProbe(venue, **{**usual, **options})


def read(
    port: int, scheme: str = "http", host: str = "127.0.0.1", **options: Any
) -> NetworkReading:
    """Walk to a port of this host."""
    return probe(f"{scheme}://{host}:{port}", **options).read()


def stages_of(reading: NetworkReading) -> dict[Stage, bool]:
    """Return the steps that were taken, in order, and whether each went well."""
    return {step.stage: step.ok for step in reading.stages}
