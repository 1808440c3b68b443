"""Names to addresses to one connected socket."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from exporter.sources.network_channel import Deadline
from exporter.sources.network_connect import Address, Resolver, connect
from tests.sources.network_probes import PONG, probe, read
from tests.sources.network_servers import (
    closed_port,
    full_backlog,
    serve,
)
from tests.sources.v1_cgroup import wait_for


def test_every_address_is_tried() -> None:
    """A dead one, or one that swallows SYNs, only delays the next."""
    with serve(PONG) as port, full_backlog() as deaf:
        addresses = [
            Address(socket.AF_INET6, ("::1", closed_port(), 0, 0)),
            Address(socket.AF_INET, ("127.0.0.1", deaf)),
            Address(socket.AF_INET, ("127.0.0.1", port)),
        ]
        with connect(addresses, Deadline(20)) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)


def test_the_failure_that_tells_most_is_reported() -> None:
    """That a host has no IPv6 says nothing about the exchange."""
    unreachable = Address(socket.AF_INET, ("255.255.255.255", 9))
    refused = Address(socket.AF_INET, ("127.0.0.1", closed_port()))
    for addresses in ([unreachable, refused], [refused, unreachable]):
        with pytest.raises(OSError) as caught:
            connect(addresses, Deadline(20))
        assert isinstance(caught.value, ConnectionRefusedError | PermissionError)


def test_an_address_needs_no_name_server() -> None:
    """Looked up in place."""
    (address,) = Resolver().lookup("::1", 443, Deadline(20))
    assert address.is_loopback
    assert address.family is socket.AF_INET6


@pytest.mark.parametrize("name", ["exchange.invalid", "x" * 300 + ".invalid", "a..b", "\udc80"])
def test_what_is_no_name_does_not_resolve(name: str) -> None:
    """Whatever Python says about it."""
    with pytest.raises(socket.gaierror):
        Resolver().lookup(name, 443, Deadline(20))


def test_hanging_lookups_are_few() -> None:
    """Each gives up in time, no more than four threads hang, and their end makes room again."""
    answer, started = threading.Event(), []

    def look_up(host: str, *_: Any, **__: Any) -> Any:
        started.append(host)
        answer.wait(60)
        return socket.getaddrinfo("127.0.0.1", 443)

    resolver = Resolver(look_up)
    for number in range(4):
        with pytest.raises(socket.gaierror, match="no answer"):
            resolver.lookup(f"host{number}", 443, Deadline(0.05))
    for number in range(4, 8):
        with pytest.raises(socket.gaierror, match="still hang"):
            resolver.lookup(f"host{number}", 443, Deadline(20))
    wait_for("the lookups", lambda: len(started) == 4)
    assert sorted(started) == ["host0", "host1", "host2", "host3"]
    answer.set()
    deadline = time.monotonic() + 20
    while True:
        try:
            assert resolver.lookup("again", 443, Deadline(20))[0].is_loopback
        except socket.gaierror:
            assert time.monotonic() < deadline
        else:
            break


def test_nothing_is_left_behind() -> None:
    """After many rounds, good and bad, no thread and no descriptor more than after a few."""
    bad, unknown = closed_port(), "http://exchange.invalid"

    def rounds(count: int) -> None:
        for _ in range(count):
            for reading in (read(good), read(bad), probe(unknown, timeout=0.4).read()):
                assert reading.stages

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with serve(PONG) as good:
        rounds(2)
        wait_for("all lookups to end", lambda: not _lookups())
        before = threading.active_count(), descriptors()
        rounds(15)
        # The server's own threads and connections end in their own time.
        wait_for("all threads to end", lambda: threading.active_count() <= before[0] + 1)
        wait_for("all descriptors to be closed", lambda: descriptors() <= before[1] + 2)


def _lookups() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dns-")]
