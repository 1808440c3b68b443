"""What one connection listens to: by its path, and by SUBSCRIBE and UNSUBSCRIBE."""

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

_MOST_STREAMS = 1024
_A_SECOND = {"spot": 5, "usdm": 10}  # incoming messages before the connection is ended
# USD-M hands out books under one path and everything else under another.
_BOOK = re.compile("@bookTicker|@depth")


@dataclass
class Subscription:
    """One connection's streams; ``combined`` wraps events; ``part`` is USD-M's path prefix."""

    market: str
    combined: bool
    part: str
    asked: set[str] = field(default_factory=set)
    times: deque[float] = field(default_factory=deque)

    @property
    def names(self) -> set[str]:
        """The streams that this path hands out; of the others nothing ever comes."""
        if not self.part:
            return self.asked
        books = {name for name in self.asked if _BOOK.search(name)}
        return books if self.part == "public" else self.asked - books

    def wrap(self, name: str, event: Any) -> Any:
        """The event as this connection gets it."""
        return {"stream": name, "data": event} if self.combined else event

    def flooded(self, now: float) -> bool:
        """Whether the client has sent more in a second than it may."""
        self.times.append(now)
        while now - self.times[0] > 1:
            self.times.popleft()
        return len(self.times) > _A_SECOND[self.market]

    def command(self, message: str | bytes) -> dict[str, Any]:
        """Carry out one message of the client; return the answer."""
        try:
            request = json.loads(message)
            number, method = request["id"], request["method"]
            params = request.get("params", [])
            method = method if isinstance(method, str) else json.dumps(method)
        except (ValueError, TypeError, KeyError):
            return _error(None, 3, "Invalid JSON: expected value")
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": sorted(self.asked), "id": number}
        if method not in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            return _error(number, 2, f"Invalid request: unknown variant {method}")
        if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
            return _error(number, 2, "Invalid request: params must be an array of strings")
        if method == "UNSUBSCRIBE":
            self.asked.difference_update(params)
        elif len(self.asked.union(params)) > _MOST_STREAMS:
            return _error(number, 2, "Invalid request: too many streams")
        else:
            self.asked.update(params)
        return {"result": None, "id": number}


def subscription_of(market: str, target: str) -> Subscription | None:
    """Read the streams from the path of a handshake; None if nothing is served there."""
    url = urlsplit(target)
    parts = [part for part in url.path.split("/") if part]
    part = parts.pop(0) if market == "usdm" and parts[:1] in (["public"], ["market"]) else ""
    if not parts or parts[0] not in {"ws", "stream"}:
        return None
    combined = parts[0] == "stream"
    names = set(parts[1:])
    if combined:
        names = {n for text in parse_qs(url.query).get("streams", []) for n in text.split("/") if n}
    return Subscription(market, combined, part, names)


def _error(number: Any, code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "msg": message}, "id": number}
