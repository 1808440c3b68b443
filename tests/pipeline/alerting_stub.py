"""One server that answers as Prometheus and as Alertmanager, and keeps what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.sim.serve import HttpServer, Request, Response


class AlertingStub:
    """What fires is what a test puts into ``active``; ``down`` answers 503 to everything."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.active: list[dict[str, Any]] = []
        self.fires: list[dict[str, Any]] = []
        self.healthy = True
        self.down = False
        self.asked = 0
        self.called = 0
        self._posted: list[dict[str, Any]] = []
        self._paged: list[dict[str, Any]] = []
        self._server = HttpServer(0, self._answer)

    @property
    def address(self) -> str:
        """Where it listens, as host:port."""
        return self._server.url.removeprefix("http://")

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    def posted(self, **labels: str) -> list[dict[str, Any]]:
        """Alerts that were posted to Alertmanager's API with these labels, in order."""
        with self._lock:
            return [
                alert
                for alert in self._posted
                if all(alert["labels"].get(name) == value for name, value in labels.items())
            ]

    def paged(self) -> list[dict[str, Any]]:
        """What the second pager was sent."""
        with self._lock:
            return list(self._paged)

    def _answer(self, request: Request) -> Response:
        with self._lock:
            if request.path == "/pager":
                self._paged.append(json.loads(request.body))
                return Response(200, {})
            # Counted whether or not it is answered: how often the loops have come round.
            self.asked += (request.method, request.path) == ("GET", "/api/v2/alerts")
            self.called += (request.method, request.path) == ("POST", "/api/v2/alerts")
            if self.down:
                return Response(503, {"error": "down"})
            if request.path == "/api/v2/alerts" and request.method == "POST":
                self._posted += json.loads(request.body)
                return Response(200, {})
            if request.path == "/api/v2/alerts":
                return Response(200, [dict(alert) for alert in self.active])
            if request.path == "/api/v1/alerts":
                firing = [{"labels": labels, "state": "firing"} for labels in self.fires]
                return Response(200, {"status": "success", "data": {"alerts": firing}})
            if request.path == "/api/v1/query":
                result = [{"metric": {}, "value": [0, "1"]}] if self.healthy else []
                return Response(200, {"status": "success", "data": {"result": result}})
        return Response(404, {"error": f"no {request.method} {request.path} here"})

    @contextmanager
    def serving(self) -> Iterator["AlertingStub"]:
        """Answer until the block ends."""
        self._server.start()
        try:
            yield self
        finally:
            self._server.stop()
