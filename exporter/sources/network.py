"""The way to the exchange, walked step by step, so that a failure says whose it is.

Each round opens a fresh connection, as a bot that reconnects must, through the bot's own proxy,
and compares with second hosts asked at the same time.
"""

import queue
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from exporter.config import Venue
from exporter.readings import NetworkReading, Stage
from exporter.sources import network_http
from exporter.sources.connection import tls_context
from exporter.sources.network_connect import Resolver
from exporter.sources.network_http import Answer
from exporter.sources.network_judgement import Symptom, judge
from exporter.sources.network_route import has_default_route
from exporter.sources.network_walk import Judge, Target, Walk, Walker, parse_target

PING_PATHS = {
    "binance_spot": "/api/v3/ping",
    "binance_usdm": "/fapi/v1/ping",
    "alpaca": "/v2/clock",  # without a key: the refusal, in JSON, is an answer
}
_FIRST_PAUSE_SECONDS = 0.2
_MAX_OTHERS = 4
# Asking again cannot change these, and a firewall dislikes being asked again.
_FINAL = frozenset({Symptom.TLS, Symptom.FORBIDDEN, Symptom.RESTRICTED})


class ProxySettings(Protocol):
    """Which proxy leads to a host."""

    def for_host(self, host: str) -> str | None:
        """Return the proxy's URL, or None for a host that is reached directly."""


class Toll(Protocol):
    """What requests cost, and who has asked for none."""

    def may_ask(self) -> bool:
        """Count one request to the exchange before it is sent; False if it must not be."""

    def note(self, answer: Answer) -> None:
        """Remember what the exchange's answer says of its limits."""

    def is_quiet(self, url: str) -> bool:
        """Whether a second host has asked for silence."""


class _NoToll:
    """Nobody counts, and nobody wants silence."""

    def may_ask(self) -> bool:
        return True

    def note(self, answer: Answer) -> None:
        """Forget it."""

    def is_quiet(self, _: str) -> bool:
        return False


class NetworkProbe:
    """Walks to one venue, again and again.

    Args:
        venue: where to.
        others: URLs of second hosts, for comparison.
        timeout: seconds for each try as a whole.
        tries: how often to try before something counts as wrong.
        read_proxy: reads the bot's proxy settings; they may change while we run.
        toll: what the probe's own requests count against; by default they count for nothing.
        context: how certificates are verified; by default as for all our other requests.
        gateway: whether the host has a way out; None if unknown.
        pause: waits between tries.
        monotonic: what durations are measured by.

    Raises:
        SourceError: UNSUPPORTED, for a URL that is none.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        others: Sequence[str] = (),
        timeout: float,
        tries: int = 3,
        read_proxy: Callable[[], ProxySettings | None] = lambda: None,
        toll: Toll | None = None,
        context: ssl.SSLContext | None = None,
        gateway: Callable[[], bool | None] = has_default_route,
        pause: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = parse_target(venue.base_url, PING_PATHS[venue.kind])
        self._others = tuple((url, parse_target(url)) for url in others[:_MAX_OTHERS])
        self._toll: Toll = toll or _NoToll()
        self._timeout = timeout
        self._pauses = tuple(_FIRST_PAUSE_SECONDS * 2**n for n in range(tries - 1))
        self._read_proxy = read_proxy
        self._gateway = gateway
        self._pause = pause
        self._monotonic = monotonic
        self._walker = Walker(context or tls_context(), Resolver(), timeout, monotonic)

    def read(self, *, ask: bool = True) -> NetworkReading:
        """Walk, several times if it goes wrong, and judge.

        While the exchange wants no requests, or our share of its limit is used up, the way is
        walked to its door alone: that is no request.

        Args:
            ask: False to stop there in any case.

        Raises:
            SourceError: PROXY, when the bot's proxy settings cannot be read.
        """
        proxy = self._read_proxy()
        answers = self._ask_others(proxy)
        walk, tries = self._walk(self._target, proxy, self._judge if ask else None)
        others = self._collect(answers, failing=walk.problem is not None)
        default_route = self._gateway()
        fault = judge(
            walk.problem, others=others, gateway=None if walk.on_this_host else default_route
        )
        by_proxy = any(step.ok and step.stage is Stage.PROXY for step in walk.stages)
        detail = walk.problem.detail if walk.problem is not None else ""
        return NetworkReading(
            fault=fault,
            stages=walk.stages,
            others_reachable=others,
            gateway=True if by_proxy else default_route,
            detail=f"{detail} ({tries} tries)" if tries > 1 and detail else detail,
        )

    def _judge(self, answer: Answer) -> Symptom | None:
        self._toll.note(answer)
        return network_http.judge_api(answer)

    def _walk(
        self, target: Target, proxy: ProxySettings | None, judge_answer: Judge | None
    ) -> tuple[Walk, int]:
        """Try until it works; otherwise return what happened most often, the latest of these."""
        through = proxy.for_host(target.authority) if proxy is not None else None
        failed: list[Walk] = []
        for pause in (0.0, *self._pauses):
            if pause:
                self._pause(pause)
            may_ask = self._toll.may_ask if target is self._target else _always
            walk = self._walker.walk(target, through, judge_answer, may_ask)
            if walk.problem is None:
                # Not allowed to ask, it shows the way to be open, and no answer to be better.
                answers = [] if _has_asked(walk) else list(filter(_was_answered, failed))
                if answers:
                    return _most_frequent(answers), len(failed)
                return walk, len(failed) + 1
            failed.append(walk)
            if walk.problem.symptom in _FINAL:
                return walk, len(failed)
        return _most_frequent(failed), len(failed)

    def _ask_others(self, proxy: ProxySettings | None) -> "queue.SimpleQueue[bool]":
        """Ask the second hosts at the same time, so that both see the same moment."""
        answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

        def ask(url: str, target: Target) -> None:
            judge_answer = None if self._toll.is_quiet(url) else network_http.judge_any
            walk, _ = self._walk(target, proxy, judge_answer)
            answers.put(walk.problem is None)

        for url, other in self._others:
            threading.Thread(
                target=ask, args=(url, other), name=f"network-{other.host}", daemon=True
            ).start()
        return answers

    def _collect(self, answers: "queue.SimpleQueue[bool]", *, failing: bool) -> bool | None:
        """Wait for the first that answers; the exchange's own failure is worth a longer wait."""
        if not self._others:
            return None
        tries = len(self._pauses) + 1 if failing else 1
        deadline = self._monotonic() + tries * self._timeout + (sum(self._pauses) if failing else 0)
        for _ in self._others:
            try:
                if answers.get(timeout=max(0.0, deadline - self._monotonic())):
                    return True
            except queue.Empty:
                return False
        return False


def _always() -> bool:
    return True


def _has_asked(walk: Walk) -> bool:
    return any(step.stage is Stage.HTTP for step in walk.stages)


def _was_answered(walk: Walk) -> bool:
    """Whether a walk got as far as asking, and failed there."""
    return walk.problem is not None and walk.problem.stage is Stage.HTTP


def _most_frequent(failed: Sequence[Walk]) -> Walk:
    """Return the latest of what happened most often."""
    counts = Counter(map(_kind, failed))
    most = max(counts.values())
    return next(walk for walk in reversed(failed) if counts[_kind(walk)] == most)


def _kind(walk: Walk) -> tuple[Stage, Symptom] | None:
    return (walk.problem.stage, walk.problem.symptom) if walk.problem is not None else None
