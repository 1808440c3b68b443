"""From request to answer: fault, route, key, signature, handler, headers."""

import enum
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.sim.exchange.errors import ApiError
from tests.sim.serve import Request, Response
from tests.sim.signing import identify, read_parameters, verify
from tests.sim.world import World

_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_INTEGER = re.compile(r"[0-9]{1,19}")
_CLIENT_ID = re.compile(r"[.A-Za-z0-9:/_-]{1,36}")


class Access(enum.Enum):
    """What an endpoint asks of the caller."""

    PUBLIC = enum.auto()
    KEY = enum.auto()  # a key, no signature
    READ = enum.auto()
    TRADE = enum.auto()


@dataclass(frozen=True)
class Call:
    """One admitted call."""

    world: World
    role: str
    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.values.get(name)
        if not value:
            raise ApiError.missing(name)
        return value

    def decimal(self, name: str) -> Decimal:
        """A mandatory quantity or price, from its text."""
        return _decimal(name, self.text(name))

    def optional_decimal(self, name: str) -> Decimal:
        """A quantity or price, zero if absent."""
        return _decimal(name, self.values[name]) if self.values.get(name) else Decimal(0)

    def optional_int(self, name: str) -> int | None:
        """A whole number, if present."""
        value = self.values.get(name)
        if not value:
            return None
        if not _INTEGER.fullmatch(value):
            raise ApiError(400, -1100, f"Illegal characters found in parameter '{name}'.")
        return int(value)

    def flag(self, name: str) -> bool:
        """A boolean, false if absent."""
        return self.values.get(name, "false").lower() == "true"

    def client_id(self, name: str) -> str:
        """The caller's id for a new order, or one made for it."""
        value = self.values.get(name) or f"x-{uuid.uuid4().hex[:20]}"
        if not _CLIENT_ID.fullmatch(value):
            raise ApiError(400, -1100, f"Illegal characters found in parameter '{name}'.")
        return value

    @property
    def now(self) -> int:
        """The exchange's time."""
        return self.world.clocks.exchange_ms()


@dataclass(frozen=True)
class Route:
    """One endpoint: its handler, who may call it, what it costs."""

    handler: Callable[[Call], Any]
    access: Access = Access.PUBLIC
    weight: int = 1


Routes = Mapping[tuple[str, str], Route]


class Exchange:
    """The exchange as one answer function."""

    def __init__(self, world: World, routes: Routes) -> None:
        self._world = world
        self._routes = routes
        self._minute = 0
        self._weight = 0
        self._orders: list[int] = []

    def answer(self, request: Request) -> Response:
        """Answer one request as the exchange would."""
        world = self._world
        route = self._routes.get((request.method, request.path))
        endpoint = f"{request.method} {request.path}" if route else "unknown"
        with world.lock:
            world.requests[_role(world, request), endpoint] += 1
            intercepts = tuple(world.intercepts.values())
        for intercept in intercepts:
            response = intercept(request)
            if response is not None:
                return response
        if route is None:
            return _no_such_path(request)
        with world.lock:
            headers = self._headers(request, route)
            try:
                return Response(200, route.handler(self._admit(request, route)), headers)
            except ApiError as error:
                return Response(error.status, error.body, headers)

    def _admit(self, request: Request, route: Route) -> Call:
        world = self._world
        body = request.body.decode("utf-8", errors="replace")
        parameters = read_parameters(request.query, body)
        if route.access is Access.PUBLIC:
            return Call(world, "public", parameters.values)
        sapi = request.path.startswith("/sapi/")
        key = identify(world.keys, request.headers.get("x-mbx-apikey"), sapi=sapi)
        if route.access is not Access.KEY:
            verify(key, parameters, world.clocks.exchange_ms())
        if route.access is Access.TRADE and not key.can_trade:
            suffix = ", request ip: 127.0.0.1" if request.path.startswith("/fapi/") else ""
            raise ApiError(401, -2015, f"Invalid API-key, IP, or permissions for action{suffix}.")
        world.usdm.run_countdowns(world.clocks.exchange_ms())
        return Call(world, key.role, parameters.values)

    def _headers(self, request: Request, route: Route) -> dict[str, str]:
        now = self._world.clocks.exchange_ms()
        if now // 60_000 != self._minute:
            self._minute, self._weight = now // 60_000, 0
        self._weight += route.weight
        used = str(self._weight)
        if request.path.startswith("/sapi/"):
            return {"X-SAPI-USED-IP-WEIGHT-1M": used}
        headers = {"x-mbx-uuid": str(uuid.uuid4()), "X-MBX-USED-WEIGHT-1M": used}
        futures = request.path.startswith("/fapi/")
        headers |= {"x-response-time": "1ms"} if futures else {"x-mbx-used-weight": used}
        if request.method == "POST" and request.path.endswith("/order"):
            self._orders = [at for at in self._orders if 0 <= now - at < 60_000] + [now]
            headers["X-MBX-ORDER-COUNT-10S"] = str(sum(now - at < 10_000 for at in self._orders))
            long = "X-MBX-ORDER-COUNT-1M" if futures else "X-MBX-ORDER-COUNT-1D"
            headers[long] = str(len(self._orders))
        return headers


def _role(world: World, request: Request) -> str:
    named = request.headers.get("x-mbx-apikey")
    return next((key.role for key in world.keys.values() if key.key == named), "public")


def _no_such_path(request: Request) -> Response:
    if request.path.startswith("/fapi/"):
        message = f"Path {request.path}, Method {request.method} is invalid"
        return Response(404, {"code": -5000, "msg": message})
    return Response(404, "<html><body><h2>404 Not found</h2></body></html>")


def _decimal(name: str, text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ApiError(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return Decimal(text)
