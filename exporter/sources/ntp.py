"""The local clock against several NTP servers, with a majority deciding.

ntplib says ``server - local``; readings say ``local - server`` (positive means
the local clock is ahead), so the sign is flipped here and nowhere else.
"""

import queue
import socket
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import ntplib

from exporter.errors import Reason, SourceError
from exporter.readings import ClockReading

AGREEMENT_SECONDS = 0.25
_MAX_DELAY_SECONDS = 1.0
_MAX_ROOT_DISTANCE_SECONDS = 1.5
_LEAP_UNSYNCHRONISED = 3
_DEFAULT_PORT = "123"


@dataclass(frozen=True)
class _Answer:
    """What one server said, or why it does not count."""

    server: str
    offset: float = 0.0
    bound: float = 0.0
    failure: SourceError | None = None


def read_clock(servers: Sequence[str], *, timeout: float) -> ClockReading:
    """Ask all servers at once and return the offset that most of them agree on.

    Raises:
        SourceError: NO_MAJORITY, or the common cause when nobody answered.
    """
    if not servers:
        raise SourceError(Reason.UNSUPPORTED, "no NTP servers are configured", permanent=True)
    answers = _ask_all(servers, timeout)
    good = [answer for answer in answers if answer.failure is None]
    failures = [answer.failure for answer in answers if answer.failure is not None]
    if not good:
        reason = statistics.mode(failure.reason for failure in failures)
        raise SourceError(reason, "; ".join(failure.detail for failure in failures)[:500])
    median = statistics.median(answer.offset for answer in good)
    agreeing = [a for a in good if abs(a.offset - median) <= max(AGREEMENT_SECONDS, a.bound)]
    rejected = tuple(
        a.failure.detail if a.failure else f"{a.server}: differs by {a.offset - median:+.3f} s"
        for a in answers
        if a not in agreeing
    )
    # Counted against the configured number: two answers of four could both be wrong.
    if 2 * len(agreeing) <= len(servers):
        raise SourceError(
            Reason.NO_MAJORITY,
            f"{len(agreeing)} of {len(servers)} servers agree: {'; '.join(rejected)}"[:500],
        )
    # One server's own measurement, so that offset and bound belong together.
    chosen = min(agreeing, key=lambda a: abs(a.offset - median))
    return ClockReading(
        reference="ntp",
        offset_seconds=chosen.offset,
        error_bound_seconds=chosen.bound,
        sources=tuple(a.server for a in agreeing),
        rejected=rejected,
    )


def _ask_all(servers: Sequence[str], timeout: float) -> list[_Answer]:
    """Query in daemon threads: a name lookup has no timeout of its own."""
    answers: queue.SimpleQueue[tuple[int, _Answer]] = queue.SimpleQueue()
    for index, server in enumerate(servers):
        threading.Thread(
            target=lambda i=index, s=server: answers.put((i, _ask(s, timeout))),
            name=f"ntp-{server}",
            daemon=True,
        ).start()
    collected = [
        _Answer(server, failure=SourceError(Reason.TIMEOUT, f"{server}: no answer in time"))
        for server in servers
    ]
    deadline = time.monotonic() + timeout + 0.5
    for _ in servers:
        try:
            index, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        collected[index] = answer
    return collected


def _ask(server: str, timeout: float) -> _Answer:
    host, port = _split(server)
    asked = time.time()
    try:
        stats = ntplib.NTPClient().request(host, version=4, port=port, timeout=timeout)
    except ntplib.NTPException as error:
        silent = "No response" in str(error)
        reason = Reason.TIMEOUT if silent else Reason.BAD_RESPONSE
        return _Answer(server, failure=SourceError(reason, f"{server}: {error}"))
    except socket.gaierror as error:
        return _Answer(server, failure=SourceError(Reason.DNS, f"{server}: {error.strerror}"))
    except ConnectionRefusedError:
        return _Answer(server, failure=SourceError(Reason.REFUSED, f"{server}: refused"))
    except OSError as error:
        return _Answer(server, failure=SourceError(Reason.NETWORK, f"{server}: {error}"))
    return _judge(server, stats, asked, time.time())


def _judge(server: str, stats: ntplib.NTPStats, asked: float, answered: float) -> _Answer:
    """Refuse an answer that its own header, or arithmetic, says not to trust."""
    bound = stats.delay / 2 + stats.root_delay / 2 + stats.root_dispersion
    problem = ""
    if not 1 <= stats.stratum <= 15:
        problem = f"stratum {stats.stratum}"
    elif stats.leap == _LEAP_UNSYNCHRONISED:
        problem = "says it is not synchronised"
    elif stats.mode not in (4, 5):
        problem = f"mode {stats.mode} is no answer"
    elif not (stats.recv_timestamp and stats.tx_timestamp):
        problem = "does not tell the time"  # zero is "unknown": RFC 5905, section 6
    elif not asked - 0.001 <= stats.orig_time <= answered + 0.001:
        problem = "answers a question that was not asked"
    elif not -0.001 <= stats.delay <= _MAX_DELAY_SECONDS:
        problem = f"round trip of {stats.delay:.3f} s"
    elif bound - stats.delay / 2 > _MAX_ROOT_DISTANCE_SECONDS:
        problem = f"is itself uncertain by {bound:.3f} s"
    if problem:
        return _Answer(server, failure=SourceError(Reason.BAD_RESPONSE, f"{server}: {problem}"))
    return _Answer(server, offset=-stats.offset, bound=max(0.0, bound))


def _split(server: str) -> tuple[str, str]:
    """Split ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address."""
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        return host, rest.removeprefix(":") or _DEFAULT_PORT
    if server.count(":") == 1:
        host, _, port = server.partition(":")
        return host, port or _DEFAULT_PORT
    return server, _DEFAULT_PORT
