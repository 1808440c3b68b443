"""Certificates, passwords and rules that change while serving: what is in force from then on."""

from pathlib import Path

import httpx
import pytest
import trustme

from tests.web.conftest import TLS, USERS, VERIFIED, Certificates, Serve, status_of
from tests.web.served import PATIENCE_SECONDS


def test_everything_rotates_without_a_restart(
    serve_web: Serve, certificates: Certificates, web_config: Path
) -> None:
    """Certificates at the next handshake, passwords at the next request, on a kept connection."""
    served = serve_web(TLS + USERS)
    context = certificates.client()

    def serial() -> str:
        with (
            httpx.Client(verify=context, timeout=PATIENCE_SECONDS, trust_env=False) as client,
            client.stream("GET", served.url) as answer,
        ):
            tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
            return str(tls.getpeercert()["serialNumber"])

    before = serial()
    assert serial() == before
    certificates.renew()
    assert serial() != before
    with httpx.Client(
        base_url=served.url, verify=context, timeout=PATIENCE_SECONDS, trust_env=False
    ) as kept:
        assert kept.get("/-/healthy", auth=("alice", "right")).status_code == 200
        web_config.write_text(web_config.read_text().replace("alice", "carol"))
        assert kept.get("/-/healthy", auth=("alice", "right")).status_code == 401
        assert kept.get("/-/healthy", auth=("carol", "right")).status_code == 200


def test_a_kept_connection_does_not_outlive_its_certificates(
    serve_web: Serve, certificates: Certificates
) -> None:
    """It ends with the next answer, so a client that is no longer trusted has to come anew."""
    served = serve_web(VERIFIED)
    with httpx.Client(
        base_url=served.url,
        verify=certificates.client("prometheus.example"),
        timeout=PATIENCE_SECONDS,
        trust_env=False,
    ) as kept:
        assert "connection" not in kept.get("/-/healthy").headers
        other = trustme.CA(key_type=trustme.KeyType.ECDSA)
        (certificates.directory / "ca.crt").write_bytes(other.cert_pem.bytes())
        assert kept.get("/-/healthy").headers["connection"] == "close"
        with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)):
            kept.get("/-/healthy")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "basic_auth_users, tls_server_config: was asked for and no longer is"),
        (TLS, "basic_auth_users: was asked for and no longer is"),
        (f"{TLS}{USERS}nonsense: 1\n", "nonsense: is not a known key"),
        ("tls_server_config: [", "is not YAML"),
    ],
)
def test_a_file_that_turns_bad_admits_nobody(
    serve_web: Serve, certificates: Certificates, web_config: Path, text: str, reason: str
) -> None:
    """Also one that is caught empty; said once, and over as soon as it is good again."""
    good = TLS + USERS
    served = serve_web(good)
    context = certificates.client()
    with httpx.Client(
        base_url=served.url, verify=context, timeout=PATIENCE_SECONDS, trust_env=False
    ) as kept:
        assert kept.get("/-/healthy", auth=("alice", "right")).status_code == 200
        web_config.write_text(text)
        for _ in range(3):
            refused = kept.get("/-/healthy", auth=("alice", "right"))
            assert refused.status_code == 500
            assert refused.text == "500 the web configuration cannot be used; the log says why\n"
            with pytest.raises(httpx.ConnectError):
                status_of(served, context)
        assert served.log.count("all requests are refused") == 1
        assert served.log.count("all connections are refused") == 1
        assert reason in served.log
        web_config.write_text(good)
        assert kept.get("/-/healthy", auth=("alice", "right")).status_code == 200
    assert status_of(served, context, auth=("alice", "right")) == 200
    assert served.log.count("are admitted again") == 2


def test_a_key_that_stops_fitting_refuses_connections_until_it_fits(
    serve_web: Serve, certificates: Certificates
) -> None:
    """Half a rotation is no certificate."""
    served = serve_web(TLS)
    context = certificates.client()
    assert status_of(served, context) == 200
    old = (certificates.directory / "server.key").read_bytes()
    certificates.renew()
    new = (certificates.directory / "server.key").read_bytes()
    (certificates.directory / "server.key").write_bytes(old)
    with pytest.raises(httpx.ConnectError):
        status_of(served, context)
    (certificates.directory / "server.key").write_bytes(new)
    assert status_of(served, context) == 200


def test_tls_asked_for_later_is_there_from_then_on(
    serve_web: Serve, certificates: Certificates, web_config: Path
) -> None:
    """A connection from before is told, and closed."""
    served = serve_web("")
    assert served.url.startswith("http://")
    with httpx.Client(base_url=served.url, timeout=PATIENCE_SECONDS, trust_env=False) as kept:
        assert kept.get("/-/healthy").status_code == 200
        web_config.write_text(TLS)
        told = kept.get("/-/healthy")
        assert (told.status_code, told.text) == (400, "400 this address speaks TLS\n")
    secure = served.url.replace("http", "https")
    with httpx.Client(
        verify=certificates.client(), timeout=PATIENCE_SECONDS, trust_env=False
    ) as client:
        assert client.get(f"{secure}/-/healthy").status_code == 200
