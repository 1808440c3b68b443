"""Runbook 2: is the local clock right, and who says so?"""

from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import THE_EXCHANGE, Question, Verdict, failed, judged, not_offered
from exporter.doctor.wording import listing
from exporter.readings import ClockDaemonReading, ClockReading
from exporter.sources import ntp

_DISAGREE = (
    "runbook 2 step 2: leave the clock alone while its references disagree; find out which of"
    " them is wrong. Compare with `chronyc tracking` or `timedatectl timesync-status`."
)


def _clock(patient: Patient) -> Verdict:
    reference = patient.host.ntp.get()
    exchange = patient.venue.get().clock.get()
    limit = patient.settings.get().clock_warn_seconds
    said = f"exchange {exchange.offset_seconds:+.3f} s"
    if reference is None:
        within = _within(exchange, limit)
        return judged(within, f"{said}, NTP is not configured, limit {limit:g} s")
    said += f", NTP {reference.offset_seconds:+.3f} s, limit {limit:g} s"
    if not _agree(exchange, reference):
        return failed(f"{said}; they disagree", _DISAGREE)
    ahead = patient.bot.venue.clock_ahead_limit_seconds
    if ahead is not None and exchange.offset_seconds >= ahead:
        return failed(f"{said}; from {ahead:g} s ahead the exchange refuses every request")
    return judged(_within(exchange, limit) and _within(reference, limit), said)


def _within(clock: ClockReading, limit: float) -> bool:
    return abs(clock.offset_seconds) <= limit


def _agree(one: ClockReading, other: ClockReading) -> bool:
    apart = abs(one.offset_seconds - other.offset_seconds)
    return apart <= max(ntp.AGREEMENT_SECONDS, one.error_bound_seconds + other.error_bound_seconds)


def _time_service(patient: Patient) -> Verdict:
    services = patient.host.time_services.get()
    if not services:
        return not_offered("no time service of this host can be asked")
    loose = [service.daemon for service in services if not service.synchronized]
    if loose:
        return failed(f"{listing(loose)} does not follow any source")
    return judged(ok=True, detail=listing([_follows(service) for service in services]))


def _follows(service: ClockDaemonReading) -> str:
    offset = service.offset_seconds
    off = "" if offset is None else f", {offset:+.3f} s"
    return f"{service.daemon} follows {service.source or 'a source'}{off}"


QUESTIONS = (
    Question(
        "clock",
        _clock,
        "runbook 2 step 1: only if both references say that the clock is off, synchronise it:"
        " {resync}. Then run the doctor again before anything resumes.",
        gate=True,
        needs=THE_EXCHANGE,
    ),
    Question(
        "time service",
        _time_service,
        "runbook 2, prevention: see why it has no source (`chronyc sources`, or"
        " `timedatectl timesync-status`) and whether UDP port 123 is open.",
    ),
)
