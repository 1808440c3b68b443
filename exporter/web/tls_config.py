"""``tls_server_config``: how the server proves who it is, and what it asks of clients.

What Python's TLS cannot do, or nobody should, is refused with a reason and not left out:
certificates that are asked for and not verified, and TLS before 1.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.secrets import Secret
from exporter.web.section import Section

NO_CERT, REQUEST, IF_GIVEN, REQUIRE = (
    "NoClientCert",
    "RequestClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
)
_AUTH_TYPES = (NO_CERT, REQUEST, IF_GIVEN, REQUIRE)
_UNVERIFIED = ("RequireAnyClientCert", "RequireClientCert")
_VERSIONS = ("TLS12", "TLS13")
_OLD_VERSIONS = ("TLS10", "TLS11")

# Go's names to OpenSSL's. Those of TLS 1.3 are always on and cannot be chosen.
TLS13_SUITES = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
)
SUITES: Mapping[str, str] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
CURVES: Mapping[str, str] = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}

KEYS = (
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_ca_file",
    "client_auth_type",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
)
# The others say how, not whether, TLS is used.
_SWITCH_ON = KEYS[:8]


@dataclass(frozen=True)
class Pem:
    """Certificates or a key: in a file that is read at each handshake, or written out."""

    file: Path | None
    text: Secret | None = None


@dataclass(frozen=True)
class Tls:
    """The section, judged; versions, suites and curves under their names in the file."""

    cert: Pem
    key: Pem
    client_auth: str
    client_ca: Pem | None
    client_names: frozenset[str]
    min_version: str
    max_version: str
    suites: tuple[str, ...]
    prefer_server_suites: bool
    curves: tuple[str, ...]


def parse_tls(section: Section, directory: Path) -> Tls | None:
    """Judge the section; None if it asks for no TLS.

    Args:
        section: ``tls_server_config``.
        directory: where relative paths in it start.

    Raises:
        ConfigError: names the key, the problem and what is accepted.
    """
    auth = _client_auth(section)
    versions = _versions(section)
    suites = section.choices("cipher_suites", (*TLS13_SUITES, *SUITES))
    if suites and not set(suites) & set(SUITES) and versions[1] == "TLS12":
        section.refuse("cipher_suites", "has none for max_version TLS12", ", ".join(SUITES))
    curves = section.choices("curve_preferences", tuple(CURVES))
    prefer = section.flag("prefer_server_cipher_suites", default=True)
    if not any(section.has(key) for key in _SWITCH_ON):
        return None
    cert, key = (_pem(section, name, directory) for name in ("cert", "key"))
    if cert is None or key is None:
        name = "cert" if cert is None else "key"
        section.refuse(f"{name}_file", "is missing", f"a path, or {name} written out")
    authority = _pem(section, "client_ca", directory)
    if auth in (IF_GIVEN, REQUIRE) and authority is None:
        section.refuse("client_ca_file", "is missing", f"who signs the clients' for {auth}")
    if auth in (NO_CERT, REQUEST) and authority is not None:
        section.refuse("client_auth_type", f"is {auth}, so client_ca would not be used", REQUIRE)
    names = section.texts("client_allowed_sans")
    if section.has("client_allowed_sans") is not section.given("client_allowed_sans"):
        section.refuse("client_allowed_sans", "is empty, so nobody could connect", "names")
    if names and auth != REQUIRE:
        section.refuse("client_allowed_sans", f"says nothing with client_auth_type {auth}", REQUIRE)
    return Tls(cert, key, auth, authority, frozenset(names), *versions, suites, prefer, curves)


def _client_auth(section: Section) -> str:
    if section.text("client_auth_type") in _UNVERIFIED:
        section.refuse(
            "client_auth_type",
            "would admit any certificate, by whomever it is signed",
            ", ".join(_AUTH_TYPES),
        )
    return section.choice("client_auth_type", _AUTH_TYPES, NO_CERT)


def _versions(section: Section) -> tuple[str, str]:
    for key in ("min_version", "max_version"):
        if (old := section.text(key)) in _OLD_VERSIONS:
            section.refuse(key, f"is {old}, which is broken and never offered", "TLS12, TLS13")
    lowest = section.choice("min_version", _VERSIONS, "TLS12")
    highest = section.choice("max_version", _VERSIONS, "TLS13")
    if lowest > highest:
        section.refuse("min_version", f"is {lowest}, above max_version", highest)
    return lowest, highest


def _pem(section: Section, name: str, directory: Path) -> Pem | None:
    path, text = section.text(f"{name}_file"), section.text(name)
    if path and text:
        section.refuse(name, f"and {name}_file are both given", "one of them")
    if "\n" in path:  # written out under the wrong key, and not to be shown
        section.refuse(f"{name}_file", "is no path", f"a path, or {name} for what is written out")
    if path:
        return Pem(directory / path)
    return Pem(None, Secret(text)) if text else None
