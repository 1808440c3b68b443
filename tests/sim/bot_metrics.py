"""The simulated bot's own metrics endpoint, as a bot with Prometheus support has one."""

import logging
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.sim.bot_stream import MarketData


class Metrics:
    """Serve heartbeat and market data times on loopback."""

    def __init__(self, port: int, market_data: MarketData | None) -> None:
        self._beaten = time.time()
        self._market_data = market_data
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self.text))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """Remember that a step has ended."""
        self._beaten = time.time()

    def text(self) -> str:
        """The exposition."""
        lines = [
            "# HELP bot_heartbeat_timestamp_seconds When the loop last ended a step.",
            "# TYPE bot_heartbeat_timestamp_seconds gauge",
            f"bot_heartbeat_timestamp_seconds {self._beaten:.3f}",
        ]
        data = self._market_data
        if data is not None and data.last_message is not None:
            label = f'{{stream="{data.stream}"}}'
            lines += [
                "# HELP bot_market_data_timestamp_seconds When the stream's last message came.",
                "# TYPE bot_market_data_timestamp_seconds gauge",
                f"bot_market_data_timestamp_seconds{label} {data.last_message:.3f}",
            ]
        return "\n".join(lines) + "\n"

    def stop(self) -> None:
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()


def open_metrics(
    port: int | None, market_data: MarketData | None, log: logging.Logger
) -> Metrics | None:
    """Serve at the port configured; a dry run beside the live bot goes without."""
    if port is None:
        return None
    try:
        return Metrics(port, market_data)
    except OSError as error:
        log.warning("No metrics on port %d: %s", port, error)
        return None


def _handler(text: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = text().encode()
            self.send_response(200 if self.path == "/metrics" else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
            """Keep quiet."""

    return Handler
