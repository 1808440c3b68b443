"""One try to reach an HTTP endpoint, step by step, each step timed and its failure named."""

import contextlib
import errno
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from exporter.errors import Reason, SourceError
from exporter.readings import Stage, StageResult
from exporter.sources import network_http
from exporter.sources.network_channel import Channel, Deadline, TcpChannel, TlsChannel
from exporter.sources.network_connect import Resolver, connect
from exporter.sources.network_http import Answer
from exporter.sources.network_judgement import Problem, Symptom

_PORTS = {"http": 80, "https": 443}
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)

Judge = Callable[[Answer], Symptom | None]


@dataclass(frozen=True)
class Target:
    """What is asked for: an http or https URL in parts."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port; IPv6 in brackets."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def host_header(self) -> str:
        """As browsers and client libraries send it: without the scheme's own port."""
        usual = self.port == _PORTS[self.scheme]
        return self.authority.rpartition(":")[0] if usual else self.authority


def parse_target(url: str, path: str = "") -> Target:
    """Split a URL; ``path`` is appended to what it has.

    Raises:
        SourceError: UNSUPPORTED, for a URL that is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise SourceError(Reason.UNSUPPORTED, f"{url} is no URL", permanent=True) from error
    whole = f"{parts.path.rstrip('/')}{path}" or "/"
    return Target(parts.scheme, parts.hostname or "", port, whole)


@dataclass(frozen=True)
class Walk:
    """How one try went: the steps taken, and what ended it early.

    ``on_this_host`` is True when it led to a loopback address, where no route matters.
    """

    stages: tuple[StageResult, ...]
    problem: Problem | None
    on_this_host: bool


class _EndedError(Exception):
    """This step was the last one."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class Walker:
    """Takes the steps to one target, once or more often.

    Args:
        context: how certificates are verified.
        resolver: for names; shared so that hanging lookups are counted.
        seconds: for each try as a whole.
        monotonic: what durations are measured by.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        resolver: Resolver,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._resolver = resolver
        self._seconds = seconds
        self._monotonic = monotonic

    def walk(
        self,
        target: Target,
        proxy: str | None,
        judge: Judge | None,
        may_ask: Callable[[], bool],
    ) -> Walk:
        """Try once.

        Args:
            target: what to reach.
            proxy: URL of the proxy to go through, password included; None to go directly.
            judge: what an answer means; None to stop before asking.
            may_ask: asked when all is ready to send; False stops there, too.
        """
        steps = _Steps(Deadline(self._seconds, self._monotonic), self._monotonic)
        problem = None
        try:
            with contextlib.ExitStack() as opened:
                channel, forwarded = self._go(steps, opened, target, proxy)
                if judge is not None and may_ask():
                    _ask(steps, channel, target, forwarded, judge)
        except _EndedError as end:
            problem = end.problem
        return Walk(tuple(steps.results), problem, steps.on_this_host)

    def _go(
        self,
        steps: "_Steps",
        opened: contextlib.ExitStack,
        target: Target,
        proxy: str | None,
    ) -> tuple[Channel, str | None]:
        """Go to the door; return the way in, and the proxy that is to forward the request."""
        secure = target.scheme == "https"
        if proxy is None:
            channel = self._connect(steps, opened, target, Stage.TCP)
        else:
            channel = self._connect(steps, opened, parse_target(proxy), Stage.PROXY)
        if proxy is not None and secure:
            with steps.step(Stage.TCP):
                _check_proxy(network_http.open_tunnel(channel, target.authority, proxy))
        if secure:
            with steps.step(Stage.TLS):
                channel = TlsChannel(channel, self._context, target.host)
        return channel, None if secure else proxy

    def _connect(
        self, steps: "_Steps", opened: contextlib.ExitStack, to: Target, stage: Stage
    ) -> Channel:
        """Look a name up and connect; ``stage`` says to whom: the target or the proxy."""
        with steps.step(Stage.DNS, blame=stage if stage is Stage.PROXY else Stage.DNS):
            addresses = self._resolver.lookup(to.host, to.port, steps.deadline)
        steps.on_this_host = all(address.is_loopback for address in addresses)
        with steps.step(stage):
            connection = connect(addresses, steps.deadline)
            opened.callback(connection.close)
            channel = TcpChannel(connection, steps.deadline)
            if stage is Stage.PROXY and to.scheme == "https":
                return TlsChannel(channel, self._context, to.host)
        return channel


class _Steps:
    """The steps of one try so far."""

    def __init__(self, deadline: Deadline, monotonic: Callable[[], float]) -> None:
        self.deadline = deadline
        self.on_this_host = False
        self.results: list[StageResult] = []
        self._monotonic = monotonic

    @contextlib.contextmanager
    def step(self, stage: Stage, blame: Stage | None = None) -> Iterator[None]:
        """Time one step; a failure ends the walk, named after its cause."""
        started = self._monotonic()
        problem: Problem | None = None
        try:
            yield
        except _EndedError as end:
            problem = end.problem
        except (OSError, h11.ProtocolError) as error:
            detail = " ".join(str(error).split())[:200] or type(error).__name__
            problem = Problem(blame or stage, _symptom(error), f"{stage}: {detail}")
        detail = problem.detail if problem is not None else ""
        seconds = self._monotonic() - started
        self.results.append(StageResult(stage, problem is None, seconds, detail))
        if problem is not None:
            raise _EndedError(problem)


def _ask(
    steps: _Steps, channel: Channel, target: Target, forwarded: str | None, judge: Judge
) -> None:
    path = f"http://{target.host_header}{target.path}" if forwarded else target.path
    with steps.step(Stage.HTTP):
        answer = network_http.ask(channel, target.host_header, path, forwarded)
        if forwarded and answer.status == 407:
            _check_proxy(answer)
        if (symptom := judge(answer)) is not None:
            raise _EndedError(Problem(Stage.HTTP, symptom, _describe(answer)))


def _symptom(error: Exception) -> Symptom:
    for kind, symptom in (
        (socket.gaierror, Symptom.DNS),
        (TimeoutError, Symptom.TIMEOUT),
        (ssl.SSLEOFError, Symptom.RESET),
        (ssl.SSLError, Symptom.TLS),
        (ConnectionRefusedError, Symptom.REFUSED),
        (ConnectionError, Symptom.RESET),
        (PermissionError, Symptom.FILTERED),
    ):
        if isinstance(error, kind):
            return symptom
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return Symptom.UNREACHABLE
    return Symptom.OTHER


def _check_proxy(answer: Answer) -> None:
    if not 200 <= answer.status < 300:
        words = "asks for a password" if answer.status == 407 else "opens no way"
        detail = f"the proxy {words} (HTTP {answer.status})"
        raise _EndedError(Problem(Stage.PROXY, Symptom.PROXY, detail))


def _describe(answer: Answer) -> str:
    kind = answer.header("content-type").partition(";")[0][:60]
    where = f" to {answer.header('location')[:100]}" if 300 <= answer.status < 400 else ""
    return f"http: HTTP {answer.status}{where} ({kind or 'no content type'})"
