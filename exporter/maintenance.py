"""Is the exchange in maintenance? Judged from one round of asking it, by what was last known.

Signs (facts on trading, section 7): the venue says so; a symbol that the bot trades takes no
orders; several server errors in a row; a shutdown announced on the stream, and then trouble. The
last two count only while the internet is otherwise healthy. An announced window is context: it
never makes a maintenance by itself, and a closed market is none.

A sign counts at once. It stops counting when its own opposite was seen, and errors only after
several clean answers in a row, so one lucky answer in between does not end a maintenance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import Reason
from exporter.readings import (
    Cause,
    ExchangeStatus,
    MaintenanceReading,
    NetworkFault,
    NetworkReading,
    SymbolRules,
)

ERRORS_TO_ENTER = 3
ANSWERS_TO_LEAVE = 2

# The server answered, and what it said is that it cannot serve: 5xx, -1008, -1016.
SERVER_REASONS = frozenset({Reason.SERVER_ERROR, Reason.OVERLOADED, Reason.MAINTENANCE})
# Answers all the same: the exchange works and does not like the question.
_ANSWERS = frozenset(
    {
        Reason.REJECTED,
        Reason.TIMESTAMP,
        Reason.SIGNATURE,
        Reason.KEY_FORMAT,
        Reason.KEY_REJECTED,
    }
)
# The exchange's own end of the line is at fault, not the way to it.
_THEIRS = frozenset(
    {NetworkFault.SERVER, NetworkFault.REFUSED, NetworkFault.RESET, NetworkFault.TIMEOUT}
)


@dataclass(frozen=True)
class Signs:
    """What one round of asking has shown.

    Args:
        status: what the venue says of itself; None if it could not be asked.
        rules: the rules of the symbols that the bot trades; None if unknown.
        outcomes: of each request of the round, in order: None for a success.
        shutdown_announced: the stream said that its server is about to shut down, and no data
            came since.
        stream_lost: after that, attempts to come back have failed.
        network: the way to the exchange; None if unknown.
        scheduled: whether an announced window is on.
        next_start: when the next window begins.
    """

    status: ExchangeStatus | None
    rules: tuple[SymbolRules, ...] | None
    outcomes: Sequence[Reason | None]
    shutdown_announced: bool
    stream_lost: bool
    network: NetworkReading | None
    scheduled: bool
    next_start: float | None


class MaintenanceJudge:
    """Remembers which signs of maintenance have not been disproved."""

    def __init__(self) -> None:
        self._open: dict[Cause, str] = {}

    def judge(self, signs: Signs) -> MaintenanceReading | None:
        """Return the verdict on this round; None if it cannot be told.

        1. A sign of this round counts at once.
        2. An older one counts until it is disproved, but says nothing while we cannot see.
        3. Without any, it is no maintenance only if the venue itself says so in this round.
        """
        seen = _seen(signs)
        self._open = {
            **{c: text for c, text in self._open.items() if not _disproved(c, signs)},
            **seen,
        }
        if not self._open:
            return None if signs.status is None else _reading(signs, {})
        if not seen and not _sighted(signs):
            return None
        return _reading(signs, self._open)


def _reading(signs: Signs, causes: dict[Cause, str]) -> MaintenanceReading:
    announced = {Cause.WINDOW} if causes and signs.scheduled else set()
    status = signs.status.message if signs.status is not None else ""
    return MaintenanceReading(
        active=bool(causes),
        causes=frozenset({*causes, *announced}),
        message="; ".join(causes[cause] for cause in Cause if cause in causes) or status,
        scheduled=signs.scheduled,
        next_start=signs.next_start,
    )


def _seen(signs: Signs) -> dict[Cause, str]:
    """The signs of this round, each with words for a person."""
    seen = {}
    if signs.status is not None and signs.status.maintenance:
        seen[Cause.STATUS] = f"the exchange says: {signs.status.message}"
    if halted := [rule for rule in signs.rules or () if not rule.tradable]:
        words = ", ".join(f"{rule.symbol} is {rule.status}" for rule in halted[:5])
        seen[Cause.SYMBOL] = words
    errors = _longest_run(signs.outcomes)
    if errors >= ERRORS_TO_ENTER and not _is_clean(signs) and _sighted(signs):
        seen[Cause.ERRORS] = f"{errors} server errors in a row"
    ended = signs.stream_lost or (signs.shutdown_announced and _in_trouble(signs))
    if ended and _sighted(signs):
        seen[Cause.STREAM] = "its stream announced a shutdown"
    return seen


def _disproved(cause: Cause, signs: Signs) -> bool:
    if cause is Cause.STATUS:
        return signs.status is not None and not signs.status.maintenance
    if cause is Cause.SYMBOL:
        return signs.rules is not None and all(rule.tradable for rule in signs.rules)
    return _is_clean(signs)


def _sighted(signs: Signs) -> bool:
    """Whether the internet is healthy but for the exchange, so that its state can be seen."""
    network = signs.network
    if network is None or network.others_reachable is False:
        return False
    return (
        network.reachable
        or network.fault is NetworkFault.SERVER
        or (
            # Without a second host a silent exchange and a dead line look alike.
            network.fault in _THEIRS and network.others_reachable is True
        )
    )


def _in_trouble(signs: Signs) -> bool:
    failing = bool(signs.outcomes) and signs.outcomes[-1] in SERVER_REASONS
    return failing or (signs.network is not None and signs.network.fault in _THEIRS)


def _is_answer(outcome: Reason | None) -> bool:
    return outcome is None or outcome in _ANSWERS


def _longest_run(outcomes: Sequence[Reason | None]) -> int:
    """The most server errors in a row; a timeout in between neither breaks nor lengthens it."""
    longest = run = 0
    for outcome in outcomes:
        if outcome in SERVER_REASONS:
            run += 1
            longest = max(longest, run)
        elif _is_answer(outcome):
            run = 0
    return longest


def _is_clean(signs: Signs) -> bool:
    """Whether answers without a failure ended the round."""
    tail = signs.outcomes[-ANSWERS_TO_LEAVE:]
    return len(tail) == ANSWERS_TO_LEAVE and all(_is_answer(outcome) for outcome in tail)
