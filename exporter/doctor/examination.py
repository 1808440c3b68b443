"""Makes all checks of all bots, at the same time as far as they wait for something.

Each check has a thread of its own: most of them wait for the same few readings. The threads are
the program's to leave behind, so neither a stalled exchange nor a dead disk holds its end up.
"""

import concurrent.futures
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from exporter.config import Bot, Config
from exporter.daemon_pool import DaemonPool
from exporter.doctor.ending import Ending
from exporter.doctor.exchange_looks import OnePassBook
from exporter.doctor.patient import Host, Patient
from exporter.doctor.places import places
from exporter.doctor.sections import BY_NAME, SECTIONS, Section
from exporter.doctor.verdicts import Check, Question, Status, Verdict, unknown
from exporter.errors import SourceError
from exporter.sources.exchange.silences import SilenceStore

# Beyond what a healthy exchange needs, and what one that hangs can cost at usual timeouts.
DEADLINE_SECONDS = 60.0
_TICK_SECONDS = 0.2
# The bot's own doctor is ended with us: TERM's grace, and KILL's effect.
_STOP_SECONDS = 5.0
_BOTS_AT_ONCE = 8


@dataclass(frozen=True)
class Options:
    """What to check: for the gate only its checks; without stems, every scenario."""

    gate: bool = False
    stems: tuple[str, ...] = ()

    def chosen(self) -> Iterator[tuple[Section, Question]]:
        """Yield the checks in the runbook's order."""
        for section in SECTIONS:
            if self.stems and section.stem not in self.stems:
                continue
            for question in section.questions:
                if question.gate or not self.gate:
                    yield section, question


@dataclass(frozen=True)
class _Running:
    """One check under way; ``deadline`` is monotonic."""

    section: Section
    question: Question
    verdict: Future[Verdict]
    seconds: float
    deadline: float


class Examination:
    """One pass over some bots.

    Args:
        config: the whole file.
        bots: whom to examine.
        options: what to check.
        waiting: told again and again which checks are still under way, as "bot: check".
        deadline_seconds: when a check that has no time limit of its own counts as stuck.
    """

    def __init__(
        self,
        config: Config,
        bots: Sequence[Bot],
        options: Options,
        *,
        waiting: Callable[[Sequence[str]], None] = lambda _: None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._config = config
        self._bots = bots
        self._options = options
        self._waiting = waiting
        self._deadline_seconds = deadline_seconds
        self._pool = DaemonPool("doctor")
        self._ending = Ending()
        self._host = Host(config)
        self._limits = OnePassBook()
        # What a running exporter was asked for holds for us, too; only it writes there.
        self._limits.recall(SilenceStore(config.exporter.data_dir).load())

    def run(self) -> Generator[tuple[Check, ...], None, None]:
        """Yield each bot's checks, bot by bot, in the runbook's order."""
        begun: deque[tuple[Patient, tuple[_Running, ...]]] = deque()
        try:
            for bot in self._bots:
                if len(begun) == _BOTS_AT_ONCE:
                    yield self._await(*begun.popleft())
                begun.append(self._begin(bot))
            while begun:
                yield self._await(*begun.popleft())
        finally:
            self._ending.now(_STOP_SECONDS)

    def _begin(self, bot: Bot) -> tuple[Patient, tuple[_Running, ...]]:
        patient = Patient(
            self._config,
            bot,
            self._host,
            self._limits,
            gate=self._options.gate,
            ending=self._ending,
        )
        return patient, tuple(self._start(patient, *one) for one in self._options.chosen())

    def _start(self, patient: Patient, section: Section, question: Question) -> _Running:
        seconds = question.seconds(patient) if question.seconds else self._deadline_seconds
        verdict = self._pool.submit(_ask, question, patient)
        return _Running(section, question, verdict, seconds, time.monotonic() + seconds)

    def _await(self, patient: Patient, all_running: tuple[_Running, ...]) -> tuple[Check, ...]:
        """Wait for a bot's checks; those that are stuck are unknown."""
        while left := [r for r in all_running if not r.verdict.done() and not _late(r)]:
            self._waiting([f"{patient.bot.name}: {r.question.name}" for r in left])
            concurrent.futures.wait([r.verdict for r in left], _TICK_SECONDS)
        filled = places(patient.bot)
        checks: dict[str, Check] = {}
        for running in all_running:
            checks[running.question.name] = _check(running, patient.bot, filled)
        return tuple(_with_cause(running.question, checks) for running in all_running)


def _late(running: _Running) -> bool:
    return time.monotonic() >= running.deadline


def _ask(question: Question, patient: Patient) -> Verdict:
    try:
        return question.ask(patient)
    except SourceError as error:
        refused = error.reason in question.refusals
        return Verdict(Status.FAIL if refused else Status.UNKNOWN, error.detail)
    except Exception as error:  # noqa: BLE001 - a check that breaks is not a pass
        return unknown(f"the check itself broke: {type(error).__name__}")


def _with_cause(question: Question, checks: Mapping[str, Check]) -> Check:
    """Say of a check that could not be made which other one must be put right before it."""
    check = checks[question.name]
    if check.status is not Status.UNKNOWN or not (first := _cause(question, checks)):
        return check
    return replace(check, advice=f"first put right: {first}", first=first)


def _cause(question: Question, checks: Mapping[str, Check]) -> str:
    """Return the check at the root; empty if this one has no cause but its own."""
    for name in question.needs:
        check = checks.get(name)
        if check is not None and check.status is Status.FAIL:
            return name
        if check is not None and check.status is Status.UNKNOWN:
            return _cause(BY_NAME[name], checks) or name
    return ""


def _check(running: _Running, bot: Bot, filled: dict[str, str]) -> Check:
    question = running.question
    verdict = (
        running.verdict.result()
        if running.verdict.done()
        else unknown(f"it did not end within {running.seconds:.0f} s")
    )
    settled = verdict.status in (Status.PASS, Status.NOT_OFFERED)
    advice = "" if settled else (verdict.advice or question.advice).format_map(filled)
    return Check(
        bot.name, question.name, running.section.stem, verdict.status, verdict.detail, advice
    )
