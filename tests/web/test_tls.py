"""TLS: certificates, client certificates and passwords, as the file has them at start."""

import ssl
from pathlib import Path

import httpx
import pytest
import trustme

from tests.web.conftest import (
    TLS,
    USERS,
    VERIFIED,
    Certificates,
    Connect,
    Serve,
    status_of,
)
from tests.web.served import PATIENCE_SECONDS, run, wait_for


def test_it_speaks_tls(serve_web: Serve, connect: Connect, certificates: Certificates) -> None:
    """1.2 and 1.3, HTTP/1.1 only, and the log's address says so."""
    served = serve_web(TLS)
    assert served.url.startswith("https://")
    client = connect(served, verify=certificates.client())
    assert "tradingbot_info" in client.get("/metrics").text
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = certificates.client()
        context.minimum_version = context.maximum_version = version
        assert status_of(served, context) == 200
    old = certificates.client()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError):
        status_of(served, old)


def test_suites_versions_and_curves_are_kept(serve_web: Serve, certificates: Certificates) -> None:
    """What the file leaves out is not negotiated."""
    served = serve_web(
        f"{TLS}  max_version: TLS12\n  curve_preferences: [CurveP384]\n"
        "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n"
    )
    context = certificates.client()
    with (
        httpx.Client(verify=context, timeout=PATIENCE_SECONDS, trust_env=False) as client,
        client.stream("GET", served.url) as answer,
    ):
        tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
        assert tls.version() == "TLSv1.2"
        assert tls.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    wrong_curve, wrong_suite = certificates.client(), certificates.client()
    wrong_curve.set_ecdh_curve("prime256v1")
    wrong_suite.maximum_version = ssl.TLSVersion.TLSv1_2
    wrong_suite.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    for context in (wrong_curve, wrong_suite):
        with pytest.raises(httpx.ConnectError):
            status_of(served, context)


def test_clients_are_verified(serve_web: Serve, certificates: Certificates) -> None:
    """Signed by the authority: yes. Signed by another, or nothing at all: no."""
    served = serve_web(VERIFIED)
    stranger = trustme.CA(key_type=trustme.KeyType.ECDSA)
    assert status_of(served, certificates.client("prometheus.example")) == 200
    for context in (
        certificates.client(),
        certificates.client("prometheus.example", authority=stranger),
    ):
        with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)):
            status_of(served, context)


def test_a_client_may_come_without_a_certificate_but_not_with_a_wrong_one(
    serve_web: Serve, certificates: Certificates
) -> None:
    """VerifyClientCertIfGiven."""
    served = serve_web(VERIFIED.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven"))
    stranger = trustme.CA(key_type=trustme.KeyType.ECDSA)
    assert status_of(served, certificates.client()) == 200
    assert status_of(served, certificates.client("prometheus.example")) == 200
    with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)):
        status_of(served, certificates.client("prometheus.example", authority=stranger))


@pytest.mark.parametrize(
    ("allowed", "names", "status"),
    [
        ("prometheus.example", ("prometheus.example",), 200),
        ("prometheus.example", ("other.example", "prometheus.example"), 200),
        ("prometheus.example", ("other.example",), 403),
        ("prometheus.example", ("*.example",), 403),
        ("127.0.0.7", ("127.0.0.7",), 200),
        ("'2001:db8::7'", ("2001:db8::7",), 200),
        ("me@example.org", ("me@example.org",), 200),
    ],
)
def test_only_some_names_are_allowed(
    serve_web: Serve,
    certificates: Certificates,
    allowed: str,
    names: tuple[str, ...],
    status: int,
) -> None:
    """Exact matches of a verified certificate's alternative names, of any kind."""
    served = serve_web(f"{VERIFIED}  client_allowed_sans: [{allowed}]\n")
    assert status_of(served, certificates.client(*names)) == status


def test_passwords(serve_web: Serve, certificates: Certificates) -> None:
    """Every path asks for one, and nothing is told to who has none."""
    served = serve_web(TLS + USERS)
    context = certificates.client()
    with httpx.Client(
        base_url=served.url, verify=context, timeout=PATIENCE_SECONDS, trust_env=False
    ) as client:
        for path in ("/", "/metrics", "/-/healthy", "/config", "/nope"):
            for auth in (None, ("alice", "wrong"), ("bob", "right")):
                refused = client.get(path, auth=auth)
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"].startswith("Basic ")
                assert refused.text == "401 name and password needed\n"
        assert client.get("/-/healthy", auth=("alice", "right")).status_code == 200
        assert client.post("/-/reload").status_code == 401


def test_headers_and_rate_limit(serve_web: Serve) -> None:
    """The file's headers win over ours, on refusals too; the burst is what may come at once."""
    served = serve_web(
        "http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n"
        "    Strict-Transport-Security: max-age=60\n"
        "rate_limit:\n  interval: 1h\n  burst: 3\n"
    )
    with httpx.Client(base_url=served.url, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        answers = [client.get("/-/healthy") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    for answer in answers:
        assert answer.headers["x-frame-options"] == "sameorigin"
        assert answer.headers["strict-transport-security"] == "max-age=60"
    assert answers[-1].headers["retry-after"] == "3600"


def test_a_bad_file_at_start_is_one_line(
    config: Path, web_config: Path, certificates: Certificates
) -> None:
    """For serve as for the checks."""
    web_config.write_text(TLS.replace("server.key", "none.key"))
    flag, file = f"--web.config.file={web_config}", f"--config.file={config}"
    for command in (["serve"], ["serve", "--config.check"], ["check-config"]):
        result = run(*command, file, flag)
        assert result.returncode in (1, 2)
        assert result.stderr.count("\n") == 1
        assert f"tls_server_config.key_file: {certificates.directory}/none.key is no file" in (
            result.stderr
        )
    web_config.write_text(TLS)
    good = run("check-config", file, flag)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.endswith(f"{web_config}: good\n")


def test_no_descriptor_is_left_behind(
    serve_web: Serve, certificates: Certificates, connect: Connect
) -> None:
    """Neither by handshakes that fail nor by clients that go away."""
    served = serve_web(TLS)
    client = connect(served, verify=certificates.client())

    def descriptors() -> int:
        return len(list(Path(f"/proc/{served.process.pid}/fd").iterdir()))

    client.get("/metrics")
    before = descriptors()
    for _ in range(30):
        assert status_of(served, certificates.client()) == 200
        with pytest.raises(httpx.ConnectError):
            status_of(served, ssl.create_default_context())
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(
                served.url.replace("https", "http"), timeout=PATIENCE_SECONDS, trust_env=False
            )
    wait_for("descriptors to be closed", lambda: descriptors() <= before)
