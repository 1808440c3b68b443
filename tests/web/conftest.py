"""A configuration, certificates, and the exporter serving both."""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from tests.web.served import CONFIG, PATIENCE_SECONDS, Served, wait_for

# The hash of "right" at the lowest cost, so that tests are quick.
RIGHT = "$2b$04$DaqoVvanvo1S1qyqE/K/zeLMyWGye.aIHbjQ33iXtpVqK1jQ59dJ2"

TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
VERIFIED = f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
USERS = f"basic_auth_users:\n  alice: {RIGHT}\n"

Serve = Callable[..., Served]
Connect = Callable[..., httpx.Client]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A good configuration file."""
    path = tmp_path / "tradewarden.yml"
    path.write_text(CONFIG.format(root=tmp_path))
    return path


@pytest.fixture
def serve(config: Path) -> Iterator[Serve]:
    """Start the exporter with these flags; stopped in the end."""
    running: list[Served] = []

    def start(*flags: str) -> Served:
        running.append(Served(config, *flags))
        return running[-1]

    yield start
    for served in running:
        served.stop()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make a client of an exporter that has asked every source once; closed in the end."""
    with contextlib.ExitStack() as stack:

        def client(served: Served, prefix: str = "", **options: Any) -> httpx.Client:
            made = stack.enter_context(
                httpx.Client(
                    base_url=served.url, timeout=PATIENCE_SECONDS, trust_env=False, **options
                )
            )
            wait_for("ready", lambda: made.get(f"{prefix}/-/ready").status_code == 200)
            return made

        yield client


class Certificates:
    """An authority, a server's certificate and clients', as files in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        (directory / "ca.crt").write_bytes(self.authority.cert_pem.bytes())
        self.renew()

    def renew(self) -> None:
        """Write another certificate and key for the server."""
        made = self.authority.issue_cert("127.0.0.1", "localhost")
        (self.directory / "server.crt").write_bytes(made.cert_chain_pems[0].bytes())
        (self.directory / "server.key").write_bytes(made.private_key_pem.bytes())

    def client(self, *names: str, authority: trustme.CA | None = None) -> ssl.SSLContext:
        """Return a client's context; with names it has a certificate for them."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if names:
            (authority or self.authority).issue_cert(*names).configure_cert(context)
        return context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Certificates beside the configuration."""
    return Certificates(tmp_path)


@pytest.fixture
def web_config(tmp_path: Path) -> Path:
    """Where the web configuration file goes."""
    return tmp_path / "web.yml"


@pytest.fixture
def serve_web(serve: Serve, web_config: Path, certificates: Certificates) -> Serve:
    """Start the exporter with this web configuration."""

    def start(text: str) -> Served:
        web_config.write_text(text)
        return serve(f"--web.config.file={web_config}")

    return start


def status_of(served: Served, context: ssl.SSLContext | bool, **options: object) -> int:
    """Ask once over a connection of its own."""
    with httpx.Client(verify=context, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        return client.get(f"{served.url}/-/healthy", **options).status_code  # type: ignore[arg-type]
