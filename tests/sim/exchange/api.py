"""From request to answer: fault, route, key, signature, handler, headers."""

import enum
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.sim.exchange.errors import ApiError
from tests.sim.limits import Limits, Verdict
from tests.sim.serve import HANG, LOST, Request, Response
from tests.sim.signing import Parameters, identify, read_parameters, verify
from tests.sim.world import World

_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_INTEGER = re.compile(r"[0-9]{1,19}")
_IP = "ip"
_ADVICE = " Please use WebSocket Streams for live updates to avoid bans."
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
    weight: int | Callable[[Mapping[str, str]], int] = 1

    def cost(self, values: Mapping[str, str]) -> int:
        """The weight of one request with these parameters."""
        return self.weight if isinstance(self.weight, int) else self.weight(values)


def by_symbol(one: int, every: int) -> Callable[[Mapping[str, str]], int]:
    """The weight of an endpoint that costs more when no symbol is named."""
    return lambda values: one if values.get("symbol") else every


Routes = Mapping[tuple[str, str], Route]


class Exchange:
    """The exchange as one answer function; a host of its own has limits of its own."""

    def __init__(self, world: World, routes: Routes, limits: Limits | None = None) -> None:
        self._world = world
        self._routes = routes
        self._limits = limits or world.limits
        self._orders: dict[str, list[int]] = {"spot": [], "usdm": []}

    def answer(self, request: Request) -> Response:
        """Answer one request as the exchange would."""
        world = self._world
        route = self._routes.get((request.method, request.path))
        endpoint = f"{request.method} {request.path}" if route else "unknown"
        with world.lock:
            world.requests[_role(world, request), endpoint] += 1
            intercepts = tuple(world.intercepts.values())
        lost = False
        for intercept in intercepts:
            response = intercept(request)
            lost = lost or response is LOST
            if response is not None and response is not LOST:
                return response
        if route is None:
            return _no_such_path(request)
        with world.lock:
            answer = self._handle(request, route)
        return HANG if lost else answer

    def _handle(self, request: Request, route: Route) -> Response:
        family, now = _family(request.path), self._world.clocks.exchange_ms()
        try:
            parameters = read_parameters(request.query, request.body.decode(errors="replace"))
        except ApiError as error:
            return Response(error.status, error.body)
        verdict = self._limits.spend(family, _IP, route.cost(parameters.values), now)
        if verdict is not Verdict.PASS:
            return self._refuse(family, verdict, now)
        headers = self._headers(request, family, now)
        try:
            answer = route.handler(self._admit(request, route, parameters))
        except ApiError as error:
            return Response(error.status, error.body, headers)
        return Response(200, answer, headers)

    def _admit(self, request: Request, route: Route, parameters: Parameters) -> Call:
        world = self._world
        if route.access is Access.PUBLIC:
            return Call(world, "public", parameters.values)
        sapi = request.path.startswith("/sapi/")
        key = identify(world.keys, request.headers.get("x-mbx-apikey"), sapi=sapi)
        if route.access is not Access.KEY:
            verify(key, parameters, world.clocks.exchange_ms())
        if route.access is Access.TRADE and not key.trades_at(world.clocks.exchange_ms()):
            suffix = ", request ip: 127.0.0.1" if request.path.startswith("/fapi/") else ""
            raise ApiError(401, -2015, f"Invalid API-key, IP, or permissions for action{suffix}.")
        world.usdm.run_countdowns(world.clocks.exchange_ms())
        return Call(world, key.role, parameters.values)

    def _refuse(self, family: str, verdict: Verdict, now: int) -> Response:
        limits = self._limits
        wait = {"Retry-After": str(limits.retry_after(family, _IP, now))}
        if verdict is Verdict.BANNED:
            until = limits.banned_until[family, _IP]
            text = f"Way too much request weight used; IP banned until {until}."
            return Response(418, {"code": -1003, "msg": text + _ADVICE}, wait)
        text = (
            "Too much request weight used; current limit is "
            f"{limits.allowed[family]} request weight per 1 MINUTE."
        )
        headers = {"X-MBX-USED-WEIGHT-1M": str(limits.used[family, _IP])}
        return Response(429, {"code": -1003, "msg": text + _ADVICE}, headers | wait)

    def _headers(self, request: Request, family: str, now: int) -> dict[str, str]:
        used = str(self._limits.used[family, _IP])
        if family == "sapi":
            return {"X-SAPI-USED-IP-WEIGHT-1M": used}
        futures = family == "usdm"
        headers = {"x-mbx-uuid": str(uuid.uuid4()), "X-MBX-USED-WEIGHT-1M": used}
        headers |= {"x-response-time": "1ms"} if futures else {"x-mbx-used-weight": used}
        if request.method == "POST" and request.path.endswith("/order"):
            recent = [at for at in self._orders[family] if 0 <= now - at < 60_000] + [now]
            self._orders[family] = recent
            headers["X-MBX-ORDER-COUNT-10S"] = str(sum(now - at < 10_000 for at in recent))
            long = "X-MBX-ORDER-COUNT-1M" if futures else "X-MBX-ORDER-COUNT-1D"
            headers[long] = str(len(recent))
        return headers


def _family(path: str) -> str:
    """Whose limits a path counts against; coin-margined futures are let in with USD-M's."""
    if path.startswith("/sapi/"):
        return "sapi"
    return "spot" if path.startswith("/api/") else "usdm"


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
