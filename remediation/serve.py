"""The receiver as a program: put together, serve until told to stop, end in order."""

import logging
import signal
import threading
from pathlib import Path
from types import FrameType

from exporter.config_file import load
from exporter.errors import TradewardenError
from remediation.auth import check_tokens
from remediation.engine import Engine
from remediation.listener import Listener
from remediation.server import create_app
from remediation.services import Services, build_services

_LOG = logging.getLogger(__name__)
_DRAIN_SECONDS = 5.0
# systemd sends KILL 90 s after TERM; a step cut off by that ends as interrupted.
_STEP_SECONDS = 75.0
_LOOK_SECONDS = 1.0


class ServeError(TradewardenError):
    """The receiver stopped without having been told to."""


def serve(config_file: Path, listen: str) -> None:
    """Run the receiver until SIGTERM or SIGINT.

    1. Everything that can be wrong is found before anything is changed: the
       configuration, the tokens, the journal's owner, the address.
    2. The engine settles what a crash left, then requests are answered.
    3. At the end: no more requests, the step at hand is finished, the journal closed.

    Args:
        config_file: the configuration.
        listen: ``host:port``.

    Raises:
        TradewardenError: one line that says why it cannot serve.
    """
    stopping = threading.Event()
    _on_signals(stopping)
    config = load(config_file)
    check_tokens(config.remediation)
    services = build_services(config, config_path=config_file)
    try:
        engine = Engine(services)
        address = f"127.0.0.1{listen}" if listen.startswith(":") else listen
        listener = Listener(create_app(services, engine), address)
        try:
            _run(services, engine, listener, stopping)
        finally:
            listener.stop(_DRAIN_SECONDS)
            engine.stop(_STEP_SECONDS)
    finally:
        services.close()


def _run(services: Services, engine: Engine, listener: Listener, stopping: threading.Event) -> None:
    settings = services.config.remediation
    if not settings.operators:
        _LOG.warning("no operator is configured: nobody can approve, acknowledge or re-arm")
    if settings.dry_run:
        _LOG.info("dry-run: playbooks only say what they would do")
    engine.start()
    listener.start()
    _LOG.info("listening", extra={"fields": {"address": listener.address}})
    while not stopping.wait(_LOOK_SECONDS):
        if not listener.alive:
            raise ServeError("the web server has ended by itself")
    _LOG.info("stopping")


def _on_signals(stopping: threading.Event) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    def stay(_number: int, _frame: FrameType | None) -> None:
        # Its default would end the receiver in the middle of a step.
        _LOG.warning(
            "SIGHUP ignored: restart to apply a changed configuration; tokens"
            " are read again by themselves"
        )

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, stay)
