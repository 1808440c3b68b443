"""From a host's name to a connected socket: every address, IPv6 and IPv4, in bounded time."""

import contextlib
import errno
import itertools
import math
import os
import queue
import selectors
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.sources.network_channel import Deadline

_STUCK_LOOKUPS = 4
_MAX_ADDRESSES = 16
# RFC 8305: how long one address is waited for before the next is tried beside it.
_HEAD_START_SECONDS = 0.25
# What a host without IPv6 answers to every IPv6 address: it says nothing about the others.
_NO_SUCH_FAMILY = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True)
class Address:
    """One place to connect to."""

    family: socket.AddressFamily
    sockaddr: tuple[Any, ...]

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this host, so that no route leads there."""
        host = str(self.sockaddr[0])
        return host.startswith("127.") or host == "::1"


class Resolver:
    """Name lookups that give up in time.

    ``getaddrinfo`` has no timeout, so it runs in a thread of its own. A thread that hangs is left
    to end by itself, and while too many do no further one is started.

    Args:
        look_up: asks the name servers, with ``getaddrinfo``'s arguments and results.
    """

    def __init__(self, look_up: Callable[..., Sequence[Any]] = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._lock = threading.Lock()
        self._running = 0

    def lookup(self, host: str, port: int, deadline: Deadline) -> tuple[Address, ...]:
        """Return the host's addresses, the families interleaved.

        Raises:
            socket.gaierror: the name does not resolve, or not in time.
        """
        answers: queue.SimpleQueue[Sequence[Address] | OSError] = queue.SimpleQueue()
        with self._lock:
            if self._running >= _STUCK_LOOKUPS:
                raise socket.gaierror(socket.EAI_AGAIN, "earlier lookups still hang")
            self._running += 1
        threading.Thread(
            target=self._look, args=(host, port, answers), name=f"dns-{host}", daemon=True
        ).start()
        try:
            answer = answers.get(timeout=deadline.left())
        except (queue.Empty, TimeoutError):
            raise socket.gaierror(socket.EAI_AGAIN, "no answer from the name server") from None
        if isinstance(answer, OSError):
            raise answer
        if not answer:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return tuple(answer)

    def _look(
        self, host: str, port: int, answers: "queue.SimpleQueue[Sequence[Address] | OSError]"
    ) -> None:
        try:
            found = self._look_up(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            answers.put(error)
        except UnicodeError:
            answers.put(socket.gaierror(socket.EAI_NONAME, "the name is no host name"))
        else:
            answers.put(_interleaved([Address(family, to) for family, _, _, _, to in found]))
        finally:
            with self._lock:
                self._running -= 1


def _interleaved(addresses: Sequence[Address]) -> list[Address]:
    first = [a for a in addresses if a.family == addresses[0].family]
    second = [a for a in addresses if a.family != addresses[0].family]
    pairs = itertools.zip_longest(first, second)
    return [a for pair in pairs for a in pair if a is not None][:_MAX_ADDRESSES]


def connect(addresses: Sequence[Address], deadline: Deadline) -> socket.socket:
    """Connect to whichever address answers first; each gets a head start on the next.

    Raises:
        TimeoutError: none answered.
        OSError: why the most telling one failed.
    """
    untried, failures = list(addresses), list[OSError]()
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as losers:
        while True:
            if untried and (connection := _start(untried.pop(0), failures)) is not None:
                losers.callback(connection.close)
                selector.register(connection, selectors.EVENT_WRITE)
            if not selector.get_map() and not untried:
                raise _most_telling(failures)
            patience = min(deadline.left(), _HEAD_START_SECONDS if untried else math.inf)
            for connection in _finished(selector, patience):
                if not (code := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                    # A duplicate outlives the closing of everything that was tried.
                    return connection.dup()
                failures.append(OSError(code, os.strerror(code)))


def _start(address: Address, failures: list[OSError]) -> socket.socket | None:
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    connection.settimeout(0)
    try:
        connection.connect(address.sockaddr)
    except BlockingIOError:
        return connection
    except OSError as error:
        connection.close()
        failures.append(error)
        return None
    return connection


def _finished(selector: selectors.BaseSelector, seconds: float) -> list[socket.socket]:
    """Take those off the selector that have connected or failed."""
    if not selector.get_map():
        return []
    ready = [key.fileobj for key, _ in selector.select(seconds)]
    for connection in ready:
        selector.unregister(connection)
    return [connection for connection in ready if isinstance(connection, socket.socket)]


def _most_telling(failures: Sequence[OSError]) -> OSError:
    telling = [error for error in failures if error.errno not in _NO_SUCH_FAMILY]
    return (telling or failures)[0]
