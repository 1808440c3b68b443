"""Runbook 8: may the account be read, and are the keys what they should be?"""

import time
from collections.abc import Callable, Iterator

from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import (
    THE_EXCHANGE,
    Question,
    Verdict,
    judged,
    not_offered,
    passed,
    unknown,
)
from exporter.doctor.wording import count, listing, span
from exporter.errors import Reason
from exporter.keys import REFUSALS, ROLES
from exporter.orders import count_foreign, foreign, prefixes_of
from exporter.readings import KeyReading, KeyRestrictions

_NO_KEY = "venue.credentials.exporter is not configured"
_KeyJudge = Callable[[Patient, KeyReading], Verdict]


def _account(patient: Patient) -> Verdict:
    # Without any key this is not offered; before a start it is not optional.
    if patient.credentials is None and not patient.gate:
        return not_offered(_NO_KEY)
    account = patient.account.get().account.get()
    held, resting = len(account.positions), len(account.open_orders)
    return passed(f"{count(held, 'position')}, {count(resting, 'open order')}")


def _blocked(patient: Patient) -> Verdict:
    if patient.credentials is None:
        return not_offered(_NO_KEY)
    blocked = patient.account.get().account.get().trading_blocked
    if blocked is not None:
        return judged(not blocked, blocked or "the exchange says that it may")
    if patient.bot.venue.kind == "binance_usdm":
        # Not every host of this market answers to /fapi/v1/accountConfig.
        return not_offered("this exchange does not say")
    return unknown("the exchange's answer does not say")


def _foreign_orders(patient: Patient) -> Verdict:
    if patient.credentials is None:
        return not_offered(_NO_KEY)
    prefixes = prefixes_of(patient.bot.venue, *(other.venue for other in patient.sharing))
    if prefixes is None:
        return not_offered("not every bot on the account has a venue.client_order_prefix")
    resting = patient.account.get().account.get().open_orders
    if count_foreign(resting, prefixes) is None:
        return unknown("the exchange has not said which orders some of them belong to")
    strangers = foreign(resting, prefixes)
    said = [f"{o.symbol} {o.side} order {o.order_id} ({o.client_order_id})" for o in strangers]
    return judged(not said, listing(said) or f"every order belongs to {' or '.join(prefixes)}")


def _present(_: Patient, key: KeyReading) -> Verdict:
    if key.present is None:
        return not_offered(key.detail or "the key is kept where we may not look")
    return judged(key.present, "it is where it should be" if key.present else key.detail)


def _valid(_: Patient, key: KeyReading) -> Verdict:
    if key.valid is not None:
        return judged(key.valid, key.detail or "the exchange takes it")
    if not key.asked or key.present is False:
        return not_offered("there is no key that we could ask with")
    return unknown(key.detail)


def _not_shared(_: Patient, key: KeyReading) -> Verdict:
    if key.shares_with is None or not key.asked:
        return not_offered("there is no key that we could compare")
    others = listing(key.shares_with)
    return judged(not others, f"{others} uses the same key" if others else "no other role uses it")


def _by_restrictions(judge: Callable[[Patient, KeyRestrictions], Verdict | None]) -> _KeyJudge:
    """Judge what the exchange says of a key; it may be unable to, or silent on one point."""

    def ask(patient: Patient, key: KeyReading) -> Verdict:
        if key.restrictions is not None:
            return judge(patient, key.restrictions) or not_offered("the exchange does not say")
        if key.valid is not True:
            return not_offered("the exchange tells that of a key that works")
        venue = patient.bot.venue
        if venue.kind != "alpaca" and venue.sapi_base_url is None:
            return not_offered("venue.sapi_base_url is not configured")
        return unknown("the exchange did not tell what the key may do")

    return ask


def _may_trade(_: Patient, may: KeyRestrictions) -> Verdict | None:
    if may.can_trade is None:
        return None
    return judged(may.can_trade, "it may" if may.can_trade else "it may not")


def _cannot_withdraw(_: Patient, may: KeyRestrictions) -> Verdict | None:
    if may.can_withdraw is None:
        return None
    return judged(not may.can_withdraw, "it may" if may.can_withdraw else "it may not")


def _limited(_: Patient, may: KeyRestrictions) -> Verdict | None:
    if may.ip_restricted is None:
        return None
    where = "from listed addresses only" if may.ip_restricted else "from anywhere"
    return judged(may.ip_restricted, f"it works {where}")


def _age(patient: Patient, may: KeyRestrictions) -> Verdict | None:
    if may.created is None:
        return None
    age, limit = time.time() - may.created, patient.bot.venue.api_key.max_age_seconds
    return judged(age <= limit, f"{span(age)} old, limit {span(limit)}")


def _expiry(patient: Patient, may: KeyRestrictions) -> Verdict | None:
    if may.expiry is None:
        return None
    left = may.expiry - time.time()
    said = f"it expires in {span(left)}" if left > 0 else f"it expired {span(-left)} ago"
    return judged(left > patient.bot.venue.api_key.expiry_warn_seconds, said)


_RENEW = "make a new one, put it where {bot} reads it, restart the bot, and delete the old one."
_REVOKED = (
    "runbook 8 step 3: log into the exchange: was it revoked, has it expired, is this host's"
    f" address on its list? If so, {_RENEW}"
)
_PUT_BACK = (
    "runbook 8 step 1: put it back where the configuration says, and restart the bot; never print"
    " its value."
)
_SEPARATE = (
    "runbook 8, prevention: make a key for each purpose, so that one leak or one ban does not take"
    " both."
)
_ASPECTS: tuple[tuple[str, _KeyJudge, str], ...] = (
    ("present", _present, _PUT_BACK),
    ("valid", _valid, _REVOKED),
    (
        "cannot withdraw",
        _by_restrictions(_cannot_withdraw),
        "runbook 8 step 4: take the permission to withdraw from it at the exchange, today.",
    ),
    (
        "addresses",
        _by_restrictions(_limited),
        "runbook 8 step 4: limit it at the exchange to this host's address.",
    ),
    ("age", _by_restrictions(_age), f"runbook 8, prevention: {_RENEW}"),
    ("expiry", _by_restrictions(_expiry), f"runbook 8 step 3: {_RENEW}"),
    ("not shared", _not_shared, _SEPARATE),
)
_TRADES = (
    "may trade",
    _by_restrictions(_may_trade),
    "runbook 8 step 4: give it the permission to trade at the exchange.",
)


def _of_role(role: str, judge: _KeyJudge) -> Callable[[Patient], Verdict]:
    def ask(patient: Patient) -> Verdict:
        if getattr(patient.bot.venue.credentials, role) is None:
            return not_offered(f"venue.credentials.{role} is not configured")
        reading = next((key for key in patient.keys.get() if key.role == role), None)
        return unknown("it was not looked at") if reading is None else judge(patient, reading)

    return ask


def _key_questions() -> Iterator[Question]:
    for role in ROLES:
        # The exporter's must not be able to trade, and nobody else's needs to.
        for name, judge, advice in (*_ASPECTS, *((_TRADES,) if role == "bot" else ())):
            yield Question(f"{role} key {name}", _of_role(role, judge), advice, needs=THE_EXCHANGE)


QUESTIONS = (
    Question(
        "account readable",
        _account,
        "runbook 8 step 2: check that the key of venue.credentials.exporter is set, known to the"
        " exchange, allowed to read, and that this host's address is on its list.",
        gate=True,
        needs=THE_EXCHANGE,
        refusals=frozenset({*REFUSALS, Reason.NO_CREDENTIALS}),
    ),
    Question(
        "account may trade",
        _blocked,
        "runbook 8 step 3: log into the exchange and see why the account is restricted.",
        needs=("account readable",),
    ),
    Question(
        "foreign orders",
        _foreign_orders,
        "runbook 8, prevention: somebody else uses the account: ask your people first; if none of"
        " them did, revoke the key at the exchange and make a new one.",
        needs=("account readable",),
    ),
    *_key_questions(),
)
