"""Runs judging children: bounded in time, memory and output, and survivors of their deaths."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

import exporter
from exporter.errors import Reason
from exporter.sources import files
from exporter.sources.data_verdict import NO_MEMORY, Limits, Order, Question, Verdict

_ANSWER_LIMIT = 16 * 1024
# The child ends itself in time; this is for its start, and for one that cannot.
_GRACE_SECONDS = 20.0

_ARGV = (sys.executable, "-P", "-m", "exporter.sources.data_child")
# No more than it needs: the exporter's environment may hold keys.
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C.UTF-8",
    "PYTHONPATH": str(Path(exporter.__file__).resolve().parents[1]),
    "PYTHONDONTWRITEBYTECODE": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


_BABBLE = Verdict(reason=Reason.INTERNAL, detail="no verdict but something else was printed")


@dataclass(frozen=True)
class _Run:
    """What one child answered, and why there is no answer to the next question."""

    verdicts: list[Verdict]
    failure: Verdict | None


def judge(questions: Sequence[Question], limits: Limits) -> dict[str, Verdict]:
    """Return the verdict on each file by its path; never raises for what files do.

    A child that dies or hangs is blamed on the file it was at, and another one does the rest.
    """
    verdicts: dict[str, Verdict] = {}
    pending = list(questions)
    while pending:
        run = _run(pending, limits)
        for question, verdict in zip(pending, run.verdicts, strict=False):
            verdicts[question.path] = verdict
        answered = len(run.verdicts)
        if run.failure is not None:
            failed = pending[answered]
            if answered:
                # Those before it may have used up the memory: it gets a child of its own.
                run = _run([failed], limits)
            verdicts[failed.path] = run.verdicts[0] if run.failure is None else run.failure
            answered += 1
        pending = pending[answered:]
    return verdicts


def _run(questions: Sequence[Question], limits: Limits) -> _Run:
    sent = (msgspec.structs.replace(q, path=files.to_text(q.path)) for q in questions)
    order = msgspec.json.encode(Order(limits=limits, questions=tuple(sent)))
    try:
        child = subprocess.Popen(
            _ARGV,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        return _Run([], Verdict(reason=Reason.INTERNAL, detail=f"cannot start: {error.strerror}"))
    with child:
        try:
            return _converse(child, order, len(questions), limits)
        finally:
            if child.poll() is None:  # else the number may be another process's already
                os.killpg(child.pid, signal.SIGKILL)


def _converse(child: subprocess.Popen[bytes], order: bytes, count: int, limits: Limits) -> _Run:
    """Give the order, take the answers; each may take its time."""
    if child.stdin is None or child.stdout is None:
        raise AssertionError  # both are pipes by construction
    with suppress(BrokenPipeError):
        child.stdin.write(order)
    with suppress(BrokenPipeError):
        child.stdin.close()
    verdicts: list[Verdict] = []
    buffer = b""
    patience = limits.seconds + _GRACE_SECONDS
    deadline = time.monotonic() + patience
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while len(verdicts) < count:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return _Run(verdicts, _late(limits))
            data = os.read(child.stdout.fileno(), _ANSWER_LIMIT)
            if not data:
                return _Run(verdicts, _cause_of_death(child, limits))
            *lines, buffer = (buffer + data).split(b"\n")
            try:
                verdicts += [msgspec.json.decode(line, type=Verdict) for line in lines]
            except msgspec.MsgspecError:
                return _Run(verdicts, _BABBLE)
            if len(buffer) > _ANSWER_LIMIT:
                return _Run(verdicts, _BABBLE)
            if lines:
                deadline = time.monotonic() + patience
    return _Run(verdicts, None)


def _cause_of_death(child: subprocess.Popen[bytes], limits: Limits) -> Verdict:
    """Native code that gets no memory aborts; Python that gets none exits with an error."""
    status = child.wait()
    if status == -signal.SIGALRM:
        return _late(limits)
    if status in (-signal.SIGABRT, -signal.SIGKILL, -signal.SIGSEGV, NO_MEMORY):
        return Verdict(reason=Reason.TOO_LARGE, detail="needs more memory than is allowed")
    if status == 1:
        return Verdict(reason=Reason.INTERNAL, detail="the judge itself failed")
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return Verdict(reason=Reason.INVALID, detail=f"ends its reader with {how}")


def _late(limits: Limits) -> Verdict:
    return Verdict(reason=Reason.TIMEOUT, detail=f"not judged within {limits.seconds:g} s")
