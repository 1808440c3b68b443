"""The control API: inject and end faults, read the books, repair the clock, page."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from tests.sim.faults import FAULTS
from tests.sim.serve import Request, Response
from tests.sim.settings import Settings
from tests.sim.state import describe
from tests.sim.world import ActiveFault, FaultError, World

_BY_STEM = {fault.scenario: fault for fault in FAULTS}


class BadRequestError(Exception):
    """The request cannot be served as sent; the message says what is accepted."""


class Control:
    """The control API as one answer function."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._faults = threading.RLock()  # one fault begins or ends at a time
        self._routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/state"): lambda _: describe(world),
            ("POST", "/faults"): self._inject,
            ("POST", "/settings"): self._set,
            ("POST", "/reset"): self._reset,
            ("POST", "/bot"): self._register,
            ("POST", "/clock"): self._repair,
            ("POST", "/pager"): self._page,
            ("GET", "/pager"): lambda _: list(world.pages),
        }

    def answer(self, request: Request) -> Response:
        """Answer one control request."""
        path, _, stem = request.path.rpartition("/")
        handler = self._routes.get((request.method, request.path))
        if request.method == "DELETE" and path == "/faults":
            handler = lambda _: self._end(stem)  # noqa: E731 - the stem is part of the path
        if handler is None:
            return Response(404, {"error": f"no {request.method} {request.path} here"})
        try:
            if request.method == "GET":
                return Response(200, handler(request))
            with self._faults:
                return Response(200, handler(request))
        except (BadRequestError, FaultError) as error:
            return Response(400, {"error": str(error)})

    def _inject(self, request: Request) -> Any:
        params = _object(request)
        stem = params.pop("scenario", None)
        if not isinstance(stem, str) or stem not in _BY_STEM:
            _refuse(f"'scenario' must be one of {', '.join(_BY_STEM)}")
        try:
            fault = msgspec.convert(params, _BY_STEM[stem])
        except msgspec.ValidationError as error:
            accepted = ", ".join(_BY_STEM[stem].__struct_fields__)
            _refuse(f"{error} (parameters of {stem}: {accepted})")
        self._end(stem)
        at = self._world.wall()
        shown = msgspec.to_builtins(fault)
        self._world.faults[stem] = ActiveFault(shown, at, fault.inject(self._world))
        return {"scenario": stem, "params": shown, "injected_at": at}

    def _end(self, stem: str) -> Any:
        if stem not in _BY_STEM:
            _refuse(f"the faults are {', '.join(_BY_STEM)}")
        active = self._world.faults.pop(stem, None)
        if active is not None:
            active.undo()
        return {"scenario": stem, "ended": active is not None}

    def _set(self, request: Request) -> Any:
        body = _object(request)
        try:
            msgspec.convert(body, Settings).apply(self._world)
        except msgspec.ValidationError as error:
            _refuse(f"{error} (settings: {', '.join(Settings.__struct_fields__)})")
        return body

    def _reset(self, _: Request) -> Any:
        ended = [stem for stem in _BY_STEM if self._end(stem)["ended"]]
        with self._world.lock:
            self._world.clocks.reset()
            self._world.limits.reset()
            self._world.market_data.reset()
            self._world.intercepts.clear()
            self._world.requests.clear()
            self._world.pages.clear()
        return {"ended": ended}

    def _register(self, request: Request) -> Any:
        body = _object(request)
        name, root = body.get("name"), body.get("root")
        if not isinstance(name, str) or not isinstance(root, str) or not Path(root).is_dir():
            _refuse("'name' must be text and 'root' an existing directory")
        self._world.bots[name] = Path(root).resolve()
        return {"name": name, "root": str(self._world.bots[name])}

    def _repair(self, request: Request) -> Any:
        action = _object(request).get("action")
        if action not in {"slew", "step"}:
            _refuse("'action' must be slew or step")
        drift = self._world.faults.get("clock_drift")
        if drift is not None and drift.params["where"] == "local":
            del self._world.faults["clock_drift"]
        return {"action": action, "removed_seconds": self._world.clocks.repair(action)}

    def _page(self, request: Request) -> Any:
        self._world.pages.append(_json(request))
        return {"stored": len(self._world.pages)}


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body or b"null")
    except ValueError as error:
        _refuse(f"the body is not JSON: {error}")


def _object(request: Request) -> dict[str, Any]:
    body = _json(request)
    if not isinstance(body, dict):
        _refuse("the body must be a JSON object")
    return body


def _refuse(message: str) -> NoReturn:
    raise BadRequestError(message)
