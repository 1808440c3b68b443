"""Judges files, small JSON here and all else in children; keeps verdicts while files stay.

A verdict stands as long as inode, size and modification time do. A bad one is given only after
three looks at the same content; a file that is being written keeps the verdict it had, for a
few rounds.
"""

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from exporter.errors import Reason, SourceError
from exporter.readings import FileKind
from exporter.sources import data_runner, files
from exporter.sources.data_shapes import judge_shape
from exporter.sources.data_verdict import Identity, Limits, Question, Shape, Verdict

_LOOKS = 3
_PAUSE_SECONDS = 1.0
_UNSETTLED_ROUNDS = 3
_RETRY_SECONDS = 600.0
# What another look a moment later may see otherwise.
_DOUBTFUL = frozenset({Reason.INVALID, Reason.UNREADABLE, Reason.MISSING})
# What says as much about the machine as about the file.
_PASSING = frozenset({Reason.TIMEOUT, Reason.INTERNAL})


@dataclass(frozen=True)
class _Known:
    question: Question
    verdict: Verdict
    at: float


class Judge:
    """Verdicts on files, remembered from round to round.

    Args:
        limits: what a child may use.
        pause: how to wait before a file is looked at again.
        monotonic: what the age of a verdict is measured by.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        pause: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._pause = pause
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._unsettled: Counter[str] = Counter()

    def judge(self, questions: Iterable[Question]) -> dict[str, Verdict]:
        """Return a verdict for every question, by path; never raises."""
        verdicts: dict[str, Verdict] = {}
        asked: list[Question] = []
        for question in questions:
            verdict = self._at_once(question)
            if verdict is None:
                asked.append(question)
            else:
                verdicts[question.path] = verdict
        verdicts.update(self._in_children(asked))
        return verdicts

    def forget(self, paths: Collection[str]) -> None:
        """Keep only what is known about these."""
        self._known = {path: known for path, known in self._known.items() if path in paths}
        self._unsettled = Counter({p: n for p, n in self._unsettled.items() if p in paths})

    def _at_once(self, question: Question) -> Verdict | None:
        """Judge what needs no child; None if it does."""
        try:
            status = os.stat(question.path)  # noqa: PTH116 - one call per name
        except FileNotFoundError:
            return Verdict(reason=Reason.MISSING, detail="does not exist")
        except (OSError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) else str(error)
            return Verdict(reason=Reason.UNREADABLE, detail=f"cannot be looked at: {cause}")
        if not stat.S_ISREG(status.st_mode):
            return Verdict(reason=Reason.UNREADABLE, detail="is not a regular file")
        identity = Identity.of(status)
        known = self._known.get(question.path)
        if known is not None and self._stands(known, question, identity):
            return known.verdict
        if question.digest or question.shape is Shape.ARCHIVE:
            return None
        if question.kind is FileKind.JSON and status.st_size <= files.LIMIT:
            return self._remember(question, _judge_json(question))
        return None

    def _stands(self, known: _Known, question: Question, identity: Identity) -> bool:
        if known.question != question or known.verdict.identity != identity:
            return False
        passing = known.verdict.reason in _PASSING
        return not passing or self._monotonic() - known.at < _RETRY_SECONDS

    def _in_children(self, questions: list[Question]) -> Mapping[str, Verdict]:
        final: dict[str, Verdict] = {}
        first: dict[str, Verdict] = {}
        pending = questions
        for look in range(_LOOKS):
            if not pending:
                break
            if look:
                self._pause(_PAUSE_SECONDS)
            before = {question.path: _identity(question.path) for question in pending}
            verdicts = data_runner.judge(pending, self._limits)
            doubtful = []
            for question in pending:
                verdict = verdicts[question.path]
                if verdict.identity is None and verdict.reason in _PASSING:
                    # A child that is ended says no more which content it was at.
                    verdict = msgspec.structs.replace(verdict, identity=before[question.path])
                if first.setdefault(question.path, verdict).identity != verdict.identity:
                    verdict = msgspec.structs.replace(verdict, settled=False)
                final[question.path] = verdict
                if verdict.reason in _DOUBTFUL:
                    doubtful.append(question)
            pending = doubtful
        return {q.path: self._weigh(q, final[q.path]) for q in questions}

    def _weigh(self, question: Question, verdict: Verdict) -> Verdict:
        """Let a file that is being written keep its good verdict for a while."""
        known = self._known.get(question.path)
        if verdict.reason is None or verdict.settled:
            self._unsettled.pop(question.path, None)
            return self._remember(question, verdict)
        self._unsettled[question.path] += 1
        good = known is not None and known.verdict.reason is None
        if known is not None and good and self._unsettled[question.path] <= _UNSETTLED_ROUNDS:
            return known.verdict
        return verdict

    def _remember(self, question: Question, verdict: Verdict) -> Verdict:
        if verdict.reason in (Reason.UNREADABLE, Reason.MISSING):
            self._known.pop(question.path, None)  # permission may come without a new time
        else:
            self._known[question.path] = _Known(question, verdict, self._monotonic())
        return verdict


def _judge_json(question: Question) -> Verdict:
    def judge(content: files.Content) -> Verdict:
        if not content.data:
            raise SourceError(Reason.INVALID, "is empty")
        judge_shape(files.parse_json(content.data), question.shape)
        return Verdict(identity=Identity(content.inode, content.size, content.mtime_ns))

    try:
        return files.read_settled(Path(question.path), judge)
    except SourceError as error:
        detail = error.detail.removeprefix(f"{question.path} ")
        return Verdict(reason=error.reason, detail=detail, identity=_identity(question.path))


def _identity(path: str) -> Identity | None:
    try:
        return Identity.of(Path(path).stat())
    except OSError:
        return None
