"""Passwords: right, wrong, unknown, remembered, and one check at a time."""

import base64
import threading
import time

import bcrypt
import pytest

from exporter.secrets import Secret
from exporter.web.basic_auth import BasicAuth, Login, Verdict
from tests.web.conftest import RIGHT

_USERS = {"alice": Secret(RIGHT)}


def _header(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _login(auth: BasicAuth, name: str, password: str) -> Login:
    login = auth.login(_header(name, password), _USERS)
    assert login is not None
    return login


@pytest.mark.parametrize(
    ("name", "password", "verdict"),
    [
        ("alice", "right", Verdict.ADMITTED),
        ("alice", "wrong", Verdict.REFUSED),
        ("alice", "", Verdict.REFUSED),
        ("alice", "right\0", Verdict.REFUSED),
        ("alice", "x" * 5000, Verdict.REFUSED),
        ("bob", "right", Verdict.REFUSED),
        ("", "right", Verdict.REFUSED),
    ],
)
def test_a_login_is_judged_and_remembered(name: str, password: str, verdict: Verdict) -> None:
    """Only the right password of a known name; the second time without bcrypt."""
    auth = BasicAuth()
    login = _login(auth, name, password)
    assert auth.remembered(login) is None
    assert auth.check(login) is verdict
    assert auth.remembered(_login(auth, name, password)) is verdict


@pytest.mark.parametrize(
    "header",
    [None, "", "Basic", "Basic !!!", "Basic YQ", "Bearer YTpi", "Basic " + "A" * 3, "Basic w6k="],
)
def test_what_claims_nothing_is_nobody(header: str | None) -> None:
    """No header, another scheme, or no pair in it."""
    assert BasicAuth().login(header, _USERS) is None


def test_a_long_password_fits_its_hash_as_elsewhere() -> None:
    """Bcrypt reads 72 bytes, and htpasswd hashes no more."""
    hashed = bcrypt.hashpw(b"p" * 72, bcrypt.gensalt(4)).decode()
    auth = BasicAuth()
    login = auth.login(_header("carol", "p" * 100), {"carol": Secret(hashed)})
    assert login is not None
    assert auth.check(login) is Verdict.ADMITTED


def test_a_changed_hash_forgets_what_was_remembered() -> None:
    """A password that was right for the old hash is asked again for the new one."""
    auth = BasicAuth()
    assert auth.check(_login(auth, "alice", "right")) is Verdict.ADMITTED
    changed = {"alice": Secret(RIGHT.replace("2b", "2y"))}
    again = auth.login(_header("alice", "right"), changed)
    assert again is not None
    assert auth.remembered(again) is None


def test_guessing_does_not_push_out_who_is_known() -> None:
    """Nor does it grow without bound."""
    auth = BasicAuth()
    auth.check(_login(auth, "alice", "right"))
    first = _login(auth, "alice", "guess 0")
    for number in range(101):
        auth.check(_login(auth, "alice", f"guess {number}"))
    assert auth.remembered(_login(auth, "alice", "right")) is Verdict.ADMITTED
    assert auth.remembered(first) is None


def test_one_check_runs_at_a_time_and_a_second_asker_shares_it() -> None:
    """Eight scrapers at start cost one hash."""
    slow = {"alice": Secret(RIGHT.replace("$04$", "$11$"))}  # fits nothing, takes a while
    auth = BasicAuth()
    login = auth.login(_header("alice", "right"), slow)
    assert login is not None
    started = time.process_time()
    auth.check(auth.login(_header("alice", "first"), slow) or login)
    one = time.process_time() - started
    started = time.process_time()
    threads = [threading.Thread(target=auth.check, args=(login,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.process_time() - started < 5 * one
    assert auth.remembered(login) is Verdict.REFUSED
