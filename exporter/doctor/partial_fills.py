"""Runbook 4: does an order that is filled in part wait for longer than the bot lets it?"""

import time

from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import Question, Verdict, failed, not_offered, passed, unknown
from exporter.doctor.wording import listing, span
from exporter.orders import is_own, is_partially_filled
from exporter.readings import OpenOrder


def _partial_fills(patient: Patient) -> Verdict:
    settings = patient.settings.get()
    if patient.credentials is None:
        return not_offered("venue.credentials.exporter is not configured")
    if settings.ttl_steps is None or settings.bar_seconds is None:
        return not_offered("execution_params.ttl_steps and bar_seconds are not both configured")
    limit = settings.ttl_steps * settings.bar_seconds
    account = patient.account.get().account.get()
    prefix = patient.bot.venue.client_order_prefix
    waiting = [o for o in account.open_orders if is_partially_filled(o) and is_own(o, prefix)]
    if not waiting:
        return passed("no order waits for its rest")
    ages = {order: _age(order) for order in waiting}
    old = [order for order, age in ages.items() if age is not None and age > limit]
    if old:
        return failed(f"limit {span(limit)}: {listing([_said(order) for order in old])}")
    if None in ages.values():
        return unknown(f"the exchange does not say since when: {listing(list(map(_said, ages)))}")
    return passed(f"within {span(limit)}: {listing([_said(order) for order in waiting])}")


def _age(order: OpenOrder) -> float | None:
    placed = order.created or order.updated
    return None if placed is None else time.time() - placed


def _said(order: OpenOrder) -> str:
    age = _age(order)
    since = "" if age is None else f", placed {span(age)} ago"
    done = f"{order.executed.normalize():f} of {order.quantity.normalize():f}"
    return f"{order.symbol} order {order.order_id}: {done} filled{since}"


QUESTIONS = (
    Question(
        "partial fills",
        _partial_fills,
        "runbook 4 step 2: ask the exchange for the order's status; then cancel the rest, or let"
        " it fill, and see that the bot's own state follows on its next cycle.",
        needs=("account readable",),
    ),
)
