"""The exporter's HTTP endpoints: Flask on waitress, loopback unless told otherwise."""

import gzip
import html
import logging
import threading
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from waitress import wasyncore
from waitress.server import create_server
from werkzeug.exceptions import HTTPException

from exporter import __version__
from exporter.errors import ConfigError
from exporter.exposition import render
from exporter.runtime import Exporter
from exporter.scrape import TIMEOUT_HEADER, deadline_seconds

_GZIP_LEVEL = 3
_THREADS = 8
_CONNECTIONS = 500
_IDLE_SECONDS = 30
_BODY_LIMIT = 64 * 1024
_LOOP_SECONDS = 0.25
_STOP_SECONDS = 1.0

_log = logging.getLogger(__name__)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tradewarden exporter</title></head>
<body><h1>Tradewarden exporter</h1>
<p>Version {version}. Watches trading bots from outside and changes nothing.</p>
<ul><li><a href="/metrics">Metrics</a></li>
<li><a href="/-/healthy">Healthy</a>: the program answers</li>
<li><a href="/-/ready">Ready</a>: every source has been asked once</li></ul>
</body></html>
"""


def create_app(exporter: Exporter) -> Flask:
    """Build the endpoints around a running exporter."""
    app = Flask("exporter", static_folder=None)
    views = _Views(exporter)
    app.add_url_rule("/", view_func=views.index)
    app.add_url_rule("/metrics", view_func=views.metrics)
    app.add_url_rule("/-/healthy", view_func=views.healthy)
    app.add_url_rule("/-/ready", view_func=views.ready)
    app.add_url_rule("/-/reload", view_func=views.reload, methods=["POST", "PUT"])
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(Exception, _broke)
    return app


class _Views:
    """What each endpoint answers; HEAD comes with GET."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter

    def index(self) -> Response:
        return Response(_PAGE.format(version=html.escape(__version__)), mimetype="text/html")

    def metrics(self) -> Response:
        seconds = deadline_seconds(request.headers.get(TIMEOUT_HEADER))
        families = self._exporter.metrics(seconds)
        body, content_type = render(families, request.headers.get("Accept", ""))
        response = Response(content_type=content_type)
        response.headers["Vary"] = "Accept, Accept-Encoding"
        if request.accept_encodings.quality("gzip") > 0:
            body = gzip.compress(body, _GZIP_LEVEL)
            response.headers["Content-Encoding"] = "gzip"
        response.set_data(body)
        return response

    def healthy(self) -> Response:
        return _plain("Tradewarden exporter is healthy.\n")

    def ready(self) -> Response:
        if self._exporter.ready:
            return _plain("Tradewarden exporter is ready.\n")
        return _plain("Not every source has been asked yet.\n", 503)

    def reload(self) -> Response:
        try:
            self._exporter.reload()
        except ConfigError as error:
            return _plain(f"failed to reload: {error}\n", 500)
        return _plain("Configuration reloaded.\n")


def _refuse(error: HTTPException) -> Response:
    """Answer a wrong path or method in plain text, naming the methods that would do."""
    response = _plain(f"{error.code} {error.name}\n", error.code or 500)
    for name, value in error.get_headers():
        if name.lower() == "allow":
            response.headers[name] = value
    return response


def _broke(error: Exception) -> Response:
    _log.error("request failed", exc_info=error)
    return _plain("500 Internal Server Error\n", 500)


def _plain(text: str, status: int = 200) -> Response:
    return Response(text, status, mimetype="text/plain")


class Server:
    """A listening server; reading slow clients takes no worker thread.

    Args:
        app: what answers.
        listen: ``host:port``; port 0 picks a free one.

    Raises:
        OSError: the address cannot be listened on.
        ValueError: it is no address.
    """

    def __init__(self, app: Callable[..., Any], listen: str) -> None:
        _check_port(listen)
        self._map: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._server = create_server(
            app,
            map=self._map,
            listen=listen,
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            max_request_body_size=_BODY_LIMIT,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=True,
            ident="tradewarden",
        )
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    @property
    def address(self) -> str:
        """The address really listened on, as a URL."""
        host, port = (
            (self._server.effective_host, self._server.effective_port)
            if hasattr(self._server, "effective_host")
            else self._server.effective_listen[0]
        )
        return f"http://{f'[{host}]' if ':' in str(host) else host}:{port}"

    def start(self) -> None:
        """Answer requests in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; requests that are being answered get a moment to end."""
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        # waitress' own loop has no way out from another thread.
        while not self._stopping.is_set():
            wasyncore.loop(timeout=_LOOP_SECONDS, map=self._map, use_poll=True, count=1)
        self._server.task_dispatcher.shutdown(timeout=_LOOP_SECONDS)
        wasyncore.close_all(self._map, ignore_all=True)


def _check_port(listen: str) -> None:
    """The resolver would take 99999 modulo 65536 and listen somewhere else."""
    port = listen.rpartition(":")[2]
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        message = "it must end in a port from 0 to 65535"
        raise ValueError(message)
