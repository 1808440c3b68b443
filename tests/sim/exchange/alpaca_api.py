"""From request to answer at the broker: fault, route, key, rate limit, handler, headers.

Requests are neither signed nor timestamped: a key pair in two headers is all.
"""

import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.sim.books.alpaca import AlpacaBooks
from tests.sim.exchange.alpaca_errors import AlpacaError
from tests.sim.limits import Verdict
from tests.sim.serve import HANG, LOST, Request, Response
from tests.sim.signing import Trouble
from tests.sim.world import World

_FAMILY = "alpaca"
_LIMITED = {"code": 42910000, "message": "rate limit exceeded"}


@dataclass(frozen=True)
class StockCall:
    """One admitted call; ``names`` are the variable parts of its path."""

    world: World
    role: str
    values: Mapping[str, str]
    body: Mapping[str, Any]
    names: Mapping[str, str]

    @property
    def books(self) -> AlpacaBooks:
        """The account."""
        return self.world.alpaca

    @property
    def now(self) -> int:
        """The broker's time in milliseconds."""
        return self.world.clocks.exchange_ms()

    def flag(self, name: str) -> bool:
        """A boolean of the query; some clients write it with a capital letter."""
        return self.values.get(name, "").lower() == "true"

    def count(self, name: str, default: int, most: int) -> int:
        """A positive whole number of the query.

        Raises:
            AlpacaError: if it is none, or more than is allowed.
        """
        text = self.values.get(name) or str(default)
        if not text.isdecimal() or not 0 < int(text) <= most:
            raise AlpacaError(422, 42210000, f"invalid {name}: must be between 1 and {most}")
        return int(text)


@dataclass(frozen=True)
class StockRoute:
    """One endpoint; ``{name}`` in the path stands for one part of it."""

    method: str
    path: str
    handler: Callable[[StockCall], Any]
    public: bool = False
    status: int = 200
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        text = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        object.__setattr__(self, "pattern", re.compile(text))


class AlpacaHost:
    """One of the broker's hosts as an answer function."""

    def __init__(self, world: World, routes: tuple[StockRoute, ...]) -> None:
        self._world = world
        self._routes = routes

    def answer(self, request: Request) -> Response:
        """Answer one request as the broker would."""
        world = self._world
        route, names = self._find(request)
        endpoint = f"{request.method} {route.path}" if route else "unknown"
        with world.lock:
            world.requests[_role(world, request), endpoint] += 1
            intercepts = tuple(world.intercepts.values())
        lost = False
        for intercept in intercepts:
            response = intercept(request)
            lost = lost or response is LOST
            if response is not None and response is not LOST:
                return response
        with world.lock:
            answer = self._handle(request, route, names)
        return HANG if lost else answer

    def _find(self, request: Request) -> tuple[StockRoute | None, dict[str, str]]:
        for route in self._routes:
            match = route.pattern.fullmatch(request.path)
            if match is not None and route.method == request.method:
                return route, {name: unquote(text) for name, text in match.groupdict().items()}
        return None, {}

    def _handle(
        self, request: Request, route: StockRoute | None, names: dict[str, str]
    ) -> Response:
        if route is None:
            return Response(404, {"message": "endpoint not found."})
        try:
            role = "public" if route.public else self._identify(request)
        except AlpacaError as error:
            return Response(error.status, error.body)
        passed, headers = self._spend(role)
        if not passed:
            return Response(429, _LIMITED, headers)
        try:
            values = dict(parse_qsl(request.query, keep_blank_values=True))
            call = StockCall(self._world, role, values, _body(request), names)
            answer = route.handler(call)
        except AlpacaError as error:
            return Response(error.status, error.body, headers)
        return Response(route.status, answer, headers)

    def _identify(self, request: Request) -> str:
        named = request.headers.get("apca-api-key-id")
        secret = request.headers.get("apca-api-secret-key")
        if not named or not secret:
            raise AlpacaError(403, None, "forbidden.")
        for role, key in self._world.alpaca_keys.items():
            if key.key != named:
                continue
            if not hmac.compare_digest(key.secret, secret):
                raise AlpacaError(401, None, "unauthorized")
            _refuse_troubled(key.trouble)
            return role
        raise AlpacaError(401, 40110000, "request is not authorized")

    def _spend(self, role: str) -> tuple[bool, dict[str, str]]:
        limits, now = self._world.limits, self._world.clocks.exchange_ms()
        verdict = limits.spend(_FAMILY, role, 1, now)
        allowed = limits.allowed[_FAMILY]
        headers = {
            "X-RateLimit-Limit": str(allowed),
            "X-RateLimit-Remaining": str(max(0, allowed - limits.used.get((_FAMILY, role), 0))),
            "X-RateLimit-Reset": str((now // 60_000 + 1) * 60),
        }
        return verdict is Verdict.PASS, headers


def _refuse_troubled(trouble: Trouble | None) -> None:
    if trouble in {Trouble.KEY_FORMAT, Trouble.IP}:
        raise AlpacaError(403, None, "forbidden.")
    if trouble is Trouble.SIGNATURE:
        raise AlpacaError(401, None, "unauthorized")
    if trouble is not None:
        raise AlpacaError(401, 40110000, "request is not authorized")


def _role(world: World, request: Request) -> str:
    named = request.headers.get("apca-api-key-id")
    roles = (role for role, key in world.alpaca_keys.items() if key.key == named)
    return next(roles, "public")


def _body(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise AlpacaError(400, 40010000, "request body format is invalid")
    return body
