"""Start, watch and stop real programs; nothing survives the one who started them."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

# Below what the kernel gives to who asks for any port, here or in another test, so that
# nobody takes one meanwhile who has not chosen it as we do.
_PORTS = range(20_000, 32_000)
_STOP_SECONDS = 10.0


class ProgramError(Exception):
    """A program of the stack did not start, or ended too early."""


class Program:
    """One program in a session of its own, its output in a file."""

    def __init__(self, name: str, argv: Sequence[str], log: Path, **popen: Any) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **popen,
            )

    def check(self) -> None:
        """Raise if the program has ended."""
        if (status := self.process.poll()) is not None:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise ProgramError(f"{self.name} ended with status {status}:\n{tail}")

    def stop(self) -> None:
        """Ask it to end, then make it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL the whole group and reap its leader."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_STOP_SECONDS)


def end_processes_in(directory: Path) -> list[int]:
    """End every process whose working directory lies below ``directory``.

    A bot that remediation has started belongs to no group of ours; where it works is
    what tells it. Returns the pids that were found.
    """
    found = []
    below = str(directory.resolve())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.cwd().startswith(below):
                process.terminate()
                found.append(process)
    _, alive = psutil.wait_procs(found, timeout=5)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return [process.pid for process in found]


def wait_until(
    holds: Callable[[], Any], what: str, seconds: float = 30.0, every: float = 0.05
) -> Any:
    """Poll until ``holds`` is truthy and return its value.

    Raises:
        ProgramError: it did not hold in time; says what was waited for.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        with contextlib.suppress(httpx.HTTPError, OSError, KeyError, ValueError, IndexError):
            if value := holds():
                return value
        if time.monotonic() >= deadline:
            raise ProgramError(f"not within {seconds:.0f} s: {what}")
        pause.wait(every)


def wait_http(program: Program, url: str, seconds: float = 30.0) -> None:
    """Wait until a URL answers 2xx while its program lives."""

    def answers() -> bool:
        program.check()
        return httpx.get(url, timeout=10, trust_env=False).is_success

    wait_until(answers, f"{program.name} answers at {url}", seconds)


def free_port() -> int:
    """A loopback port that is free now."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def ends_on_signal() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, so that clean-up runs."""

    def interrupt(number: int, _frame: Any) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {n: signal.signal(n, interrupt) for n in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
