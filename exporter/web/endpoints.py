"""Which path answers what, and how many answers may be in the making at once."""

import asyncio
import gzip
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from exporter.config_view import as_yaml
from exporter.daemon_pool import DaemonPool
from exporter.errors import ConfigError
from exporter.exposition import render
from exporter.runtime import Exporter
from exporter.scenarios import SCENARIOS, find
from exporter.scrape import TIMEOUT_HEADER, deadline_seconds
from exporter.web import pages
from exporter.web.access import Access
from exporter.web.basic_auth import Login
from exporter.web.debug_page import debug_page
from exporter.web.message import Request, Response, plain
from exporter.web.options import WebOptions

_GZIP_LEVEL = 1
_OTHERS_AT_ONCE = 16
_RETRY = {"Retry-After": "1"}
_READ = ("GET", "HEAD")
_CHANGE = ("POST", "PUT")
_DEBUG = "/debug/"

_log = logging.getLogger(__name__)

T = TypeVar("T")


class _Gate:
    """Lets so many through at once; 0 lets everybody through. Only for the event loop."""

    def __init__(self, limit: int, refusal: str) -> None:
        self._limit = limit
        self._refusal = refusal
        self._inside = 0

    async def run(self, pool: DaemonPool, work: Callable[[], T]) -> T | Response:
        """Do the work in a thread, or say that too much is going on."""
        if self._limit and self._inside >= self._limit:
            return plain(self._refusal, 503, _RETRY)
        self._inside += 1
        try:
            return await asyncio.wrap_future(pool.submit(work))
        finally:
            self._inside -= 1


@dataclass(frozen=True)
class _Route:
    """Which methods a path takes and what answers; without a gate, at once."""

    methods: Collection[str]
    answer: Callable[[Request], Response]
    gate: _Gate | None = None


class Endpoints:
    """Answers requests: admission first, then the path, then the method.

    Args:
        exporter: what the answers are about.
        access: who may ask.
        options: paths and limits.
    """

    def __init__(self, exporter: Exporter, access: Access, options: WebOptions) -> None:
        self._exporter = exporter
        self._access = access
        self._options = options
        self._pool = DaemonPool("answer")
        limit = options.max_requests
        scrapes = _Gate(limit, f"503 {limit} scrapes are running, as many as may; try again")
        others = _Gate(_OTHERS_AT_ONCE, "503 too many requests at once; try again")
        self._logins = _Gate(_OTHERS_AT_ONCE, "503 too many passwords to check; try again")
        self._routes: Mapping[str, _Route] = {
            "/": _Route(_READ, self._landing),
            options.telemetry_path: _Route(_READ, self._metrics, scrapes),
            "/-/healthy": _Route(_READ, self._healthy),
            "/-/ready": _Route(_READ, self._ready),
            "/-/reload": _Route(_CHANGE, self._reload, others),
            "/config": _Route(_READ, self._config, others),
            _DEBUG: _Route(_READ, self._scenarios),
            _DEBUG.rstrip("/"): _Route(_READ, self._scenarios),
        }
        self._debug_route = _Route(_READ, self._debug, others)

    async def __call__(self, request: Request) -> Response:
        """Answer one request; whatever breaks in the making is a 500 and a line in the log."""
        headers: Mapping[str, str] = {}
        try:
            config = self._access.config()
            headers = config.headers
            if self._access.is_outdated(request.peer):
                headers = {**headers, "Connection": "close"}
            response = await self._admit(request, self._access.judge(request, config))
        except ConfigError:
            response = plain("500 the web configuration cannot be used; the log says why", 500)
        except Exception:  # noqa: BLE001 - one answer that breaks must not end the server
            _log.exception("request failed")
            response = plain("500 Internal Server Error", 500)
        return replace(response, headers={**pages.SECURITY_HEADERS, **headers, **response.headers})

    async def _admit(self, request: Request, verdict: Response | Login | None) -> Response:
        if isinstance(verdict, Login):
            login = verdict
            verdict = await self._logins.run(self._pool, lambda: self._access.check(login))
        return verdict if verdict is not None else await self._route(request)

    async def _route(self, request: Request) -> Response:
        prefix, home = self._options.route_prefix, f"{self._options.external_path}/"
        if prefix and request.path in ("/", prefix):
            return plain(f"302 see {home}", 302, {"Location": home})
        if not request.path.startswith(f"{prefix}/"):
            return plain("404 Not Found", 404)
        path = request.path[len(prefix) :]
        route = self._routes.get(path)
        if route is None and path.startswith(_DEBUG):
            route = self._debug_route
        if route is None:
            return plain("404 Not Found", 404)
        if request.method not in route.methods:
            allowed = ", ".join(route.methods)
            return plain("405 Method Not Allowed", 405, {"Allow": allowed})
        request = replace(request, path=path)
        if route.gate is None:
            return route.answer(request)
        answer = route.answer
        return await route.gate.run(self._pool, lambda: answer(request))

    def _landing(self, _: Request) -> Response:
        return pages.landing(self._options.external_path, self._options.telemetry_path)

    def _scenarios(self, _: Request) -> Response:
        return pages.scenarios(self._options.external_path)

    def _healthy(self, _: Request) -> Response:
        return plain("Tradewarden exporter is healthy.")

    def _ready(self, _: Request) -> Response:
        if self._exporter.ready:
            return plain("Tradewarden exporter is ready.")
        return plain("Not every source has been asked yet.", 503)

    def _reload(self, _: Request) -> Response:
        try:
            self._exporter.reload()
        except ConfigError as error:
            return plain(f"failed to reload: {error}", 500)
        return plain("Configuration reloaded.")

    def _config(self, _: Request) -> Response:
        return Response(200, as_yaml(self._exporter.config).encode())

    def _metrics(self, request: Request) -> Response:
        try:
            names = _names(request.query, self._exporter.collector_names)
        except ValueError as error:
            return plain(f"400 {error}", 400)
        families = self._exporter.metrics(self._seconds(request), names)
        body, content_type = render(families, request.headers.get("accept", ""))
        headers = {"Vary": "Accept, Accept-Encoding"}
        if _takes_gzip(request.headers.get("accept-encoding", "")):
            body = gzip.compress(body, _GZIP_LEVEL)
            headers["Content-Encoding"] = "gzip"
        return Response(200, body, content_type, headers)

    def _debug(self, request: Request) -> Response:
        stem = request.path.removeprefix(_DEBUG)
        scenario = find(stem)
        if scenario is None:
            known = ", ".join(one.stem for one in SCENARIOS)
            return plain(f"404 no such check; there are: {known}", 404)
        seen = self._exporter.inspect(stem, self._seconds(request))
        return debug_page(scenario, seen, self._options.external_path)

    def _seconds(self, request: Request) -> float:
        header = request.headers.get(TIMEOUT_HEADER.lower())
        return deadline_seconds(header, self._options.timeout_offset)


def _names(query: Mapping[str, list[str]], known: Collection[str]) -> Collection[str] | None:
    """Which collectors a scrape asks for; None for all.

    Raises:
        ValueError: it asks for the impossible.
    """
    wanted, unwanted = query.get("collect[]", []), query.get("exclude[]", [])
    if wanted and unwanted:
        message = "collect[] and exclude[] cannot both be given"
        raise ValueError(message)
    for name in (*wanted, *unwanted):
        if name not in known:
            message = f"no collector {name!r} is enabled; there are: {', '.join(known)}"
            raise ValueError(message)
    if not wanted and not unwanted:
        return None
    return wanted or [name for name in known if name not in unwanted]


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.split(","):
        name, *parameters = (item.strip() for item in part.lower().split(";"))
        if name in ("gzip", "*"):
            quality = next((p.partition("=")[2] for p in parameters if p.startswith("q=")), "1")
            try:
                return float(quality) > 0
            except ValueError:
                return False
    return False
