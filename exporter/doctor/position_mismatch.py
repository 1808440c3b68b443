"""Runbook 9: do the bot's positions agree with the exchange's?"""

from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import Question, Verdict, failed, not_offered, passed, unknown
from exporter.doctor.wording import listing
from exporter.readings import ComparedPosition, PositionState

_MOST = 8


def _positions(patient: Patient) -> Verdict:
    if patient.credentials is None and not patient.gate:
        return not_offered("venue.credentials.exporter is not configured")
    comparison = patient.account.get().comparison.get()
    if comparison.reason:
        return unknown(comparison.reason)

    def having(*states: PositionState) -> list[str]:
        return [_said(one) for one in comparison.positions if one.state in states]

    if mismatches := having(PositionState.MISMATCH):
        return failed(listing(mismatches, _MOST))
    if open_questions := having(PositionState.UNKNOWN, PositionState.PENDING):
        return unknown(listing(open_questions, _MOST))
    held = [_held(position) for position in comparison.positions]
    return passed(f"both sides hold {listing(held) or 'nothing'}")


def _said(position: ComparedPosition) -> str:
    sides = [
        f"{holder} says {quantity:f}"
        for holder, quantity in (("the bot", position.bot), ("the exchange", position.exchange))
        if quantity is not None
    ]
    note = f" ({position.note})" if position.note else ""
    return f"{_name(position)}: {', '.join(sides)}{note}"


def _held(position: ComparedPosition) -> str:
    return _name(position) if position.bot is None else f"{position.bot:f} {_name(position)}"


def _name(position: ComparedPosition) -> str:
    key = position.key
    return key.symbol if key.side == "BOTH" else f"{key.symbol} {key.side}"


QUESTIONS = (
    Question(
        "positions",
        _positions,
        "runbook 9 step 3: the exchange's positions are the truth: compare them with {positions},"
        " have a person bring the bot's file in line, then look for missed fills in the order"
        " history. Nothing trades until then.",
        gate=True,
        needs=("account readable",),
    ),
)
