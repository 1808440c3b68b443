"""Certificates that are not the exchange's, and what is no TLS at all."""

import socket
from datetime import UTC, datetime, timedelta

import pytest

from exporter.readings import NetworkFault, Stage
from tests.sources.network_probes import PONG, Authority, read, stages_of
from tests.sources.network_servers import (
    serve,
)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """A certificate authority that nobody else trusts."""
    return Authority()


def test_tls_is_a_step_of_its_own(authority: Authority) -> None:
    """With a certificate for the very host."""
    with serve(authority.server(PONG, "127.0.0.1")) as port:
        reading = read(port, "https", context=authority.client)
    assert reading.fault is NetworkFault.NONE, reading.detail
    assert stages_of(reading) == dict.fromkeys((Stage.DNS, Stage.TCP, Stage.TLS, Stage.HTTP), True)


def test_plain_http_where_tls_is_expected() -> None:
    """A captive portal, or a wrong port."""

    def complain(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serve(complain) as port:
        reading = read(port, "https")
    assert reading.fault is NetworkFault.TLS
    assert stages_of(reading)[Stage.TLS] is False


def test_a_certificate_of_an_unknown_authority(authority: Authority) -> None:
    """Nobody we trust vouches for it."""
    with serve(authority.server(PONG, "127.0.0.1")) as port:
        reading = read(port, "https")
    assert reading.fault is NetworkFault.TLS
    assert "certificate" in reading.detail


def test_an_expired_certificate(authority: Authority) -> None:
    """The detail says so, since a wrong local clock looks the same."""
    past = datetime.now(UTC) - timedelta(days=3)
    span = {"not_before": past, "not_after": past + timedelta(days=1)}
    with serve(authority.server(PONG, "127.0.0.1", **span)) as port:
        reading = read(port, "https", context=authority.client)
    assert reading.fault is NetworkFault.TLS
    assert "expired" in reading.detail


def test_a_certificate_of_somebody_else(authority: Authority) -> None:
    """The name does not match."""
    with serve(authority.server(PONG, "other.example")) as port:
        reading = read(port, "https", context=authority.client)
    assert reading.fault is NetworkFault.TLS
    assert "127.0.0.1" in reading.detail
