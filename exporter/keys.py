"""Judge one bot's keys: who has one, does it work, what may it do, is it shared? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.errors import Reason, SourceError
from exporter.readings import KeyReading, KeyRestrictions
from exporter.secrets import ApiKey

ROLES = ("bot", "exporter", "remediation")
# The exchange itself said no to the key; anything else says nothing about it.
REFUSALS = (Reason.KEY_REJECTED, Reason.KEY_FORMAT, Reason.SIGNATURE)
# Every reason for which a key can be bad: a closed set of label values.
PROBLEMS = (Reason.NO_CREDENTIALS, *REFUSALS)
_AMBIGUOUS_CODE = -2015
_QUOTES = "\"'`"


@dataclass(frozen=True)
class KeyPresence:
    """Where one role's key should be, and whether it is there.

    ``present`` is None when it cannot be told: the key lives where we may not look. ``key`` is
    what we may use to ask the exchange, None if we have none. ``in_reach`` says that its value is
    where the configuration lets us read it, usable or not. ``detail`` never holds a value.
    """

    role: str
    present: bool | None
    detail: str
    key: ApiKey | None = None
    in_reach: bool = True


@dataclass(frozen=True)
class Answer:
    """What the exchange said to one key: a problem, or nothing; and what the key may do."""

    problem: SourceError | None
    restrictions: KeyRestrictions | None = None


def flaw(key: ApiKey) -> str:
    """Say what no exchange's key contains: traps of copying, never the value; empty if none."""
    for name, value in (("key", key.key.reveal()), ("secret", key.secret.reveal())):
        if any(character.isspace() for character in value):
            return f"the {name} has white space in it"
        if any(quote in value for quote in _QUOTES):
            return f"the {name} has a quotation mark in it"
        if not value.isascii() or not value.isprintable():
            return f"the {name} has a character that no key has"
    return ""


def judge_keys(
    presences: Sequence[KeyPresence],
    answers: Mapping[str, Answer],
    known: Mapping[str, KeyRestrictions],
) -> tuple[KeyReading, ...]:
    """Return one reading per role.

    Args:
        presences: the configured roles.
        answers: what the exchange said, by role; a role that was not asked is absent.
        known: what each role's key was last known to be allowed.
    """
    working = frozenset(role for role, answer in answers.items() if answer.problem is None)
    return tuple(
        _judge(presence, answers.get(presence.role), presences, known.get(presence.role), working)
        for presence in presences
    )


def _judge(
    presence: KeyPresence,
    answer: Answer | None,
    presences: Sequence[KeyPresence],
    known: KeyRestrictions | None,
    working: frozenset[str],
) -> KeyReading:
    valid, reason, detail = _verdict(presence, answer)
    if answer is not None and answer.problem is not None:
        detail += _hint(answer.problem, known, working)
    return KeyReading(
        role=presence.role,
        present=presence.present,
        valid=valid,
        reason=reason,
        detail=detail,
        restrictions=answer.restrictions if answer else None,
        shares_with=_sharers(presence, presences),
        asked=presence.in_reach,
    )


def _verdict(
    presence: KeyPresence, answer: Answer | None
) -> tuple[bool | None, Reason | None, str]:
    if answer is None:
        missing = Reason.NO_CREDENTIALS if presence.present is False else None
        return None, missing, presence.detail
    if answer.problem is None:
        return True, None, presence.detail
    refused = answer.problem.reason in REFUSALS
    return (False if refused else None), answer.problem.reason, answer.problem.detail


def _hint(problem: SourceError, known: KeyRestrictions | None, working: frozenset[str]) -> str:
    """Say what tells a bad key, a foreign address and a missing permission apart (facts §1.4)."""
    if problem.code != _AMBIGUOUS_CODE:
        return ""
    hints = []
    if known is not None and known.ip_restricted:
        hints.append("it was limited to certain addresses when it last worked")
    if working:
        names = " and ".join(sorted(working))
        hints.append(f"the key of {names} is taken from here, so this address is not banned")
    return f"; {'; '.join(hints)}" if hints else ""


def _sharers(presence: KeyPresence, presences: Sequence[KeyPresence]) -> tuple[str, ...] | None:
    own = presence.key
    if own is None:
        return None
    return tuple(
        other.role
        for other in presences
        if other.role != presence.role
        and other.key is not None
        and other.key.key.reveal() == own.key.reveal()
    )
