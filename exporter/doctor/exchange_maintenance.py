"""Runbook 5: does the exchange serve, are its rules still the bot's, and what is announced?"""

import time
from datetime import UTC, datetime

from exporter import maintenance_windows
from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import (
    THE_EXCHANGE,
    Question,
    Verdict,
    failed,
    judged,
    not_offered,
    passed,
    unknown,
)
from exporter.doctor.wording import count, listing, span
from exporter.sources import bot as bot_source
from exporter.sources.filters import read_filters
from exporter.watches.rules import count_outdated


def _maintenance(patient: Patient) -> Verdict:
    findings = patient.venue.get()
    reading = findings.maintenance
    if reading is None:
        return unknown(findings.status_problem or "the exchange could not be asked")
    return judged(not reading.active, reading.message or "no message")


def _tradable(patient: Patient) -> Verdict:
    symbols = patient.bot.venue.symbols
    if not symbols:
        return not_offered("venue.symbols is not configured")
    rules = patient.venue.get().rules
    if rules is None:
        return unknown("the symbols' states could not be read")
    states = {rule.symbol: rule for rule in rules}
    halted = [
        f"{symbol} is {rule.status if rule is not None else 'not listed'}"
        for symbol in symbols
        if (rule := states.get(symbol.upper())) is None or not rule.tradable
    ]
    return judged(not halted, listing(halted or symbols))


def _filters(patient: Patient) -> Verdict:
    bot = patient.bot
    file = bot.data_checks.filters
    if not bot_source.exists(bot_source.path(bot, file)):
        return not_offered(f"the bot has no {file}")
    own = read_filters(bot)
    outdated = count_outdated(own, patient.rules.get(), bot.venue.symbols)
    if outdated:
        return failed(f"{count(outdated, 'symbol')} of {file} with other filters at the exchange")
    return passed(f"{file} agrees with the exchange")


def _announced(patient: Patient) -> Verdict:
    texts = patient.bot.venue.maintenance_windows
    if not texts:
        return not_offered("venue.maintenance_windows is not configured")
    windows, now = tuple(map(maintenance_windows.parse, texts)), time.time()
    if maintenance_windows.is_scheduled(windows, now):
        return failed("a window is on now")
    if (start := maintenance_windows.next_start(windows, now)) is None:
        return passed("no window is to come")
    when = datetime.fromtimestamp(start, UTC)
    return passed(f"the next one begins in {span(start - now)}, {when:%Y-%m-%d %H:%M} UTC")


QUESTIONS = (
    Question(
        "no maintenance",
        _maintenance,
        "runbook 5 step 1: wait for it to end; neither retry nor restart meanwhile. It is over"
        " when this succeeds: `curl {ping}`",
        gate=True,
        needs=("exchange reachable", "rate limit"),
    ),
    Question(
        "symbols tradable",
        _tradable,
        "runbook 5 step 3: read the exchange's announcements: is the symbol halted, or delisted?"
        " Its resting orders may be gone.",
        needs=THE_EXCHANGE,
    ),
    Question(
        "filters up to date",
        _filters,
        "runbook 5 step 3: fetch them again: {filters}",
        needs=(*THE_EXCHANGE, "data files"),
    ),
    Question(
        "announced window",
        _announced,
        "runbook 5 step 1: wait until the announced end, then check that the exchange is back:"
        " `curl {ping}`",
    ),
)
