"""TLS contexts that follow the files: certificates rotate without a restart."""

import hashlib
import ipaddress
import logging
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from exporter.errors import ConfigError
from exporter.web.tls_config import CURVES, IF_GIVEN, REQUIRE, SUITES, Pem, Tls

_WHERE = "tls_server_config"
_FILE_LIMIT = 1 << 20
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

_log = logging.getLogger(__name__)


class Contexts:
    """Makes a context for each handshake, anew only if a file it is made of has changed."""

    def __init__(self) -> None:
        self._seen: tuple[Tls, bytes] | None = None
        self._context: ssl.SSLContext | None = None

    def current(self, tls: Tls) -> ssl.SSLContext:
        """Return the context for what the files hold now.

        Raises:
            ConfigError: a file cannot be read or is not what it should be.
        """
        digest = hashlib.sha256()
        for name, pem in (("cert", tls.cert), ("key", tls.key), ("client_ca", tls.client_ca)):
            if pem is not None and pem.file is not None:
                digest.update(hashlib.sha256(_read(name, pem.file)).digest())
        seen = (tls, digest.digest())
        if self._context is None or seen != self._seen:
            self._context = make_context(tls)
            self._seen = seen
        return self._context


def make_context(tls: Tls) -> ssl.SSLContext:
    """Build a server's context.

    Raises:
        ConfigError: names the key whose file or value cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    # A client may not make the server negotiate again and again on one connection.
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not tls.prefer_server_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    _set_suites(context, tls)
    if tls.curves:
        # Python 3.11 can set one. The first is the file's preference, and within its list.
        context.set_ecdh_curve(CURVES[tls.curves[0]])
    with _as_file("cert", tls.cert) as cert, _as_file("key", tls.key) as key:
        try:
            context.load_cert_chain(cert, key, password=_no_password)
        except ssl.SSLError as error:
            problem = f"and key do not work: {_reason(error)}"
            raise ConfigError(f"{_WHERE}.cert", problem, "PEM, and the key that fits") from error
    if tls.client_ca is not None:
        with _as_file("client_ca", tls.client_ca) as authority:
            try:
                context.load_verify_locations(authority)
            except ssl.SSLError as error:
                problem = f"does not work: {_reason(error)}"
                raise ConfigError(f"{_WHERE}.client_ca", problem, "PEM certificates") from error
    if tls.client_auth in (IF_GIVEN, REQUIRE):
        required = tls.client_auth == REQUIRE
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def names_of(certificate: dict[str, Any] | None) -> frozenset[str]:
    """Return a verified certificate's alternative names, addresses in their usual form."""
    names = set()
    for kind, value in (certificate or {}).get("subjectAltName", ()):
        name = str(value).strip()
        names.add(str(ipaddress.ip_address(name)) if kind == "IP Address" else name)
    return frozenset(names)


def _set_suites(context: ssl.SSLContext, tls: Tls) -> None:
    if not tls.suites:
        return
    old = [SUITES[name] for name in tls.suites if name in SUITES]
    if old:
        context.set_ciphers(":".join(old))
    else:  # only some of TLS 1.3's, which are always on: so nothing older is wanted
        context.minimum_version = ssl.TLSVersion.TLSv1_3


def _read(name: str, path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ConfigError(f"{_WHERE}.{name}_file", f"{path} is no file", "a PEM file")
        with path.open("rb") as file:
            data = file.read(_FILE_LIMIT + 1)
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}"
        raise ConfigError(f"{_WHERE}.{name}_file", problem, "a readable PEM file") from error
    if len(data) > _FILE_LIMIT:
        raise ConfigError(f"{_WHERE}.{name}_file", f"{path} is larger than 1 MiB", "a PEM file")
    return data


@contextmanager
def _as_file(name: str, pem: Pem) -> Iterator[str]:
    """Give OpenSSL a path; what is written out in the configuration goes to a private file."""
    if pem.file is not None:
        _read(name, pem.file)
        yield str(pem.file)
        return
    text = pem.text.reveal() if pem.text is not None else ""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:  # made with mode 600
        file.write(text)
        file.flush()
        yield file.name


def _no_password() -> NoReturn:
    # OpenSSL would ask the terminal.
    raise ConfigError(f"{_WHERE}.key", "is encrypted", "a key without a password")


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "not PEM").lower().replace("_", " ")
