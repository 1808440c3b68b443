"""The socket's life: what is at hand is finished, then nothing is taken any more."""

import socket
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from remediation.listener import Listener, ListenError

WAIT = 60.0


class SlowApp:
    """Answers only when the test lets it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Wait, then answer."""
        self.entered.set()
        assert self.go_on.wait(WAIT)
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"finished"]


def test_a_request_at_hand_is_answered_before_the_end() -> None:
    """Stopping drains: the sender gets his answer, a new one finds nobody."""
    app = SlowApp()
    listener = Listener(app, "127.0.0.1:0")
    listener.start()
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(httpx.get, listener.address, timeout=WAIT, trust_env=False)
        assert app.entered.wait(WAIT)
        stopped = pool.submit(listener.stop, WAIT)
        address = ("127.0.0.1", int(listener.address.rpartition(":")[2]))
        refused = False
        while not refused:
            try:
                socket.create_connection(address, timeout=WAIT).close()
            except ConnectionRefusedError:
                refused = True
            except ConnectionResetError:
                continue  # closed in the middle of it
        assert not stopped.done()
        app.go_on.set()
        assert answer.result(WAIT).text == "finished"
        stopped.result(WAIT)
    assert not listener.alive


def test_a_request_that_never_ends_does_not_hold_the_end() -> None:
    """The drain has a limit."""
    app = SlowApp()
    listener = Listener(app, "127.0.0.1:0")
    listener.start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.get, listener.address, timeout=WAIT, trust_env=False)
        assert app.entered.wait(WAIT)
        listener.stop(0.2)
        assert not listener.alive
        app.go_on.set()
        assert isinstance(answer.exception(WAIT), httpx.HTTPError)


def test_an_idle_connection_does_not_hold_the_end() -> None:
    """Alertmanager keeps its connection open; that is not a request."""
    app = SlowApp()
    app.go_on.set()
    listener = Listener(app, "127.0.0.1:0")
    listener.start()
    with httpx.Client(base_url=listener.address, timeout=WAIT, trust_env=False) as http:
        assert http.get("/").text == "finished"
        # Longer than a test may last: were it held, this would be seen.
        listener.stop(600.0)
        assert not listener.alive


def test_an_address_in_use_is_named() -> None:
    """One line with the address and the cause."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"127.0.0.1:{port}: Address already in use"):
            Listener(SlowApp(), f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    "listen", ["nonsense", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:99999", "host..x:1"]
)
def test_an_address_that_is_none_is_named(listen: str) -> None:
    """Neither a traceback nor a server on some other address."""
    with pytest.raises(ListenError, match="cannot listen on"):
        Listener(SlowApp(), listen)


def test_a_listener_that_never_started_can_be_stopped() -> None:
    """A start that fails half-way leaves no socket behind."""
    listener = Listener(SlowApp(), "127.0.0.1:0")
    listener.stop(0.1)
    assert not listener.alive
