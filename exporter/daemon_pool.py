"""Threads that are kept for the next piece of work and never hold the program's end up."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonPool(Executor):
    """Starts a thread only when none is idle; ``concurrent.futures`` would join all at exit.

    There is no upper bound: whoever submits work bounds what is under way.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._started = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function in a thread of the pool."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                self._rest()
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it is the submitter's
                self._rest()
                future.set_exception(error)
            else:
                # Before the result is known, so that who gets it finds this thread idle.
                self._rest()
                future.set_result(result)

        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._started += 1
                threading.Thread(
                    target=self._serve, name=f"{self._name}-{self._started}", daemon=True
                ).start()
        self._work.put(run)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the threads to end with the program."""
        del wait, cancel_futures

    def _serve(self) -> None:
        while True:
            self._work.get()()

    def _rest(self) -> None:
        with self._lock:
            self._idle += 1
