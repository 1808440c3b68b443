"""Basic authentication against bcrypt hashes.

bcrypt is slow on purpose, so one check runs at a time and answers are remembered: a scraper
pays once. Right and wrong passwords are remembered apart, so that guessing cannot push a
scraper's out.
"""

import base64
import binascii
import enum
import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import bcrypt

from exporter.secrets import Secret

_REMEMBERED = 100
_PATIENCE_SECONDS = 5.0
_BCRYPT_BYTES = 72  # all that the algorithm reads; htpasswd cuts there, too
_SCHEME = "basic "


class Verdict(enum.Enum):
    """Whether somebody is who they say."""

    ADMITTED = enum.auto()
    REFUSED = enum.auto()
    BUSY = enum.auto()


@dataclass(frozen=True)
class Login:
    """A name and a password, with the hash that it must fit."""

    password: bytes
    expected: bytes
    known: bool
    digest: bytes


class BasicAuth:
    """Checks logins; thread-safe."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._checking = threading.Lock()
        self._remembered: dict[bool, OrderedDict[bytes, None]] = {
            True: OrderedDict(),
            False: OrderedDict(),
        }

    def login(self, header: str | None, users: Mapping[str, Secret]) -> Login | None:
        """Return what an Authorization header claims; None if it claims nothing."""
        pair = _decode(header)
        if pair is None:
            return None
        name, password = pair
        hashed = users.get(name)
        expected = (hashed.reveal() if hashed else _hash_of_nobody(users)).encode()
        digest = hashlib.blake2b(key=self._salt)
        for part in (name.encode("utf-8", "surrogateescape"), password, expected):
            digest.update(len(part).to_bytes(8, "big") + part)
        return Login(password, expected, hashed is not None, digest.digest())

    def remembered(self, login: Login) -> Verdict | None:
        """Return what a check of the same login found; None if there was none lately."""
        with self._lock:
            for admitted, logins in self._remembered.items():
                if login.digest in logins:
                    logins.move_to_end(login.digest)
                    return Verdict.ADMITTED if admitted else Verdict.REFUSED
        return None

    def check(self, login: Login) -> Verdict:
        """Compare with the hash, which takes a core some 70 ms at the usual cost of 10."""
        if not self._checking.acquire(timeout=_PATIENCE_SECONDS):
            return Verdict.BUSY
        try:
            if verdict := self.remembered(login):  # somebody else has asked meanwhile
                return verdict
            admitted = _fits(login) and login.known
        finally:
            self._checking.release()
        with self._lock:
            logins = self._remembered[admitted]
            logins[login.digest] = None
            if len(logins) > _REMEMBERED:
                logins.popitem(last=False)
        return Verdict.ADMITTED if admitted else Verdict.REFUSED


def _decode(header: str | None) -> tuple[str, bytes] | None:
    if header is None or not header.lower().startswith(_SCHEME):
        return None
    try:
        name, colon, password = base64.b64decode(
            header[len(_SCHEME) :].strip(), validate=True
        ).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (name.decode("utf-8", "surrogateescape"), password) if colon else None


def _hash_of_nobody(users: Mapping[str, Secret]) -> str:
    """A hash that nothing is known to fit, as slow as the slowest: who is a user must not show."""
    costs = [hashed.reveal().split("$")[2] for hashed in users.values()]
    return f"$2b${max(costs, default='10')}${'.' * 53}"


def _fits(login: Login) -> bool:
    try:
        return bcrypt.checkpw(login.password[:_BCRYPT_BYTES], login.expected)
    except ValueError:
        return False
