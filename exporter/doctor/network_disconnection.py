"""Runbook 1: can the exchange be reached, does its data arrive, does it still take requests?"""

import time

from exporter.doctor.exchange_looks import LISTEN_SECONDS
from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import (
    Question,
    Verdict,
    failed,
    judged,
    not_offered,
    passed,
    unknown,
)
from exporter.doctor.wording import listing, span
from exporter.market_hours import Markets
from exporter.readings import NetworkFault, NetworkReading, RateLimit, StreamReading

# The same as the rule for it: what is left is one burst of a bot that re-reads its state.
_NEAR_RATIO = 0.9

STATUS_PAGE = (
    "runbook 1 step 2: look at the exchange's status page; if it says nothing, step 1: try again"
    " with `curl -I {ping}`"
)
BLAME = {
    NetworkFault.LOCAL: "this host reaches nobody",
    NetworkFault.DNS: "its name does not resolve",
    NetworkFault.PROXY: "the bot's proxy is in the way",
    NetworkFault.REFUSED: "its end refuses the connection",
    NetworkFault.TIMEOUT: "it does not answer",
    NetworkFault.RESET: "the connection is cut",
    NetworkFault.TLS: "its certificate is not accepted",
    NetworkFault.FIREWALL: "a firewall is in the way",
    NetworkFault.RESTRICTED: "it does not serve this location",
    NetworkFault.SERVER: "it answers with an error",
    NetworkFault.UNKNOWN: "what answers is not the exchange's API",
}
NEXT = {
    NetworkFault.LOCAL: "runbook 1 step 3: restart this host's network adapter, then check its"
    " routes (`ip route`) and firewall.",
    NetworkFault.DNS: "runbook 1 step 1: `nslookup {host}`; if other names resolve, ask another"
    " resolver, else repair this host's.",
    NetworkFault.PROXY: "runbook 1 step 3: check venue.proxy and the bot's own proxy settings, and"
    " whether the proxy runs.",
    NetworkFault.TLS: "runbook 1 step 1: `curl -vI {ping}` shows the certificate; check this host's"
    " clock and CA certificates, and whether a proxy puts its own in between.",
    NetworkFault.FIREWALL: "runbook 1 step 3: check this host's firewall and its provider's; if"
    " the exchange's own answers 403, send nothing for some minutes.",
    NetworkFault.RESTRICTED: "runbook 1 step 3: the exchange wants requests from elsewhere: check"
    " through which proxy or VPN they leave. Repeating them does not help.",
    NetworkFault.SERVER: "runbook 5 step 1: wait, and do not retry; look at the exchange's status"
    " page. It is back when this succeeds: `curl {ping}`",
}


def _reachable(patient: Patient) -> Verdict:
    findings = patient.venue.get()
    network = findings.network
    if network is None:
        return unknown(findings.network_problem)
    if network.reachable:
        seconds = sum(step.seconds for step in network.stages)
        return passed(f"a new connection took {seconds * 1000:.0f} ms")
    said = f"{BLAME.get(network.fault, network.fault.value)}, and {_elsewhere(network)}"
    return failed(f"{said} ({network.detail})", NEXT.get(network.fault, STATUS_PAGE))


def _elsewhere(network: NetworkReading) -> str:
    """Say whose fault it is, as far as other hosts can tell."""
    if network.gateway is False:
        return "this host has no default route"
    if network.others_reachable is None:
        return "there is no second host to compare with: exporter.second_hosts"
    return f"a second host {'answers' if network.others_reachable else 'does not answer, either'}"


def _market_data(patient: Patient) -> Verdict:
    findings = patient.streams.get()
    if findings is None:
        missing = "symbols" if not patient.bot.venue.symbols else "stream_url"
        return not_offered(f"venue.{missing} is not configured")
    if findings.problem is not None:
        return failed(findings.problem.detail)
    if patient.bot.venue.kind == "alpaca":
        return _last_trades(patient, findings.streams)
    mute = [stream.stream for stream in findings.streams if stream.last_message is None]
    if mute:
        return failed(f"nothing from {listing(mute)} within {LISTEN_SECONDS:.0f} s")
    return passed(f"arrives from {listing([stream.stream for stream in findings.streams])}")


def _last_trades(patient: Patient, streams: tuple[StreamReading, ...]) -> Verdict:
    """Judge by age, which says nothing of shares while their market is closed."""
    hours = patient.venue.get().hours
    markets = Markets.of(patient.bot.venue, patient.venue.get().rules)
    is_open = markets.is_open(hours)
    if is_open is None:
        return unknown("whether the market is open is not known")
    limit, now = patient.bot.market_data.max_age_seconds, time.time()
    well = f"each symbol has traded within {span(limit)}"
    if not is_open and hours is not None:
        closed = f"the market is closed and opens in {span(hours.next_open - now)}"
        strange = [one.stream for one in streams if markets.never_closes(one.stream) is None]
        if strange:
            return unknown(f"{closed}; whether {listing(strange)} closes, too, is not known")
        streams = tuple(stream for stream in streams if markets.never_closes(stream.stream))
        if not streams:
            return passed(closed)
        well = f"{closed}; what never closes has traded within {span(limit)}"
    old = [
        f"{stream.stream}: {'none' if last is None else f'{span(now - last)} ago'}"
        for stream in streams
        if (last := stream.last_message) is None or now - last > limit
    ]
    bad = f"last trade too long ago (limit {span(limit)}): {listing(old)}"
    return judged(not old, bad if old else well)


def _headroom(patient: Patient) -> Verdict:
    if patient.bot.venue.kind == "alpaca" and patient.credentials is None:
        return not_offered("venue.credentials.exporter is not configured")
    findings = patient.venue.get()
    if findings.quiet_until is not None:
        left = span(findings.quiet_until - time.time())
        return failed(f"the exchange wants no requests from here for another {left}")
    if not findings.rate_limits:
        return unknown("no answer of the exchange has told")
    tight = max(findings.rate_limits, key=lambda rate: rate.used / rate.limit)
    return judged(tight.used <= _NEAR_RATIO * tight.limit, _used(tight))


def _used(rate: RateLimit) -> str:
    return f"{rate.used} of {rate.limit} {rate.kind} in {span(rate.interval_seconds)} are used"


QUESTIONS = (
    Question("exchange reachable", _reachable, STATUS_PAGE, gate=True),
    Question(
        "market data",
        _market_data,
        "runbook 1 step 1: if the exchange can be reached otherwise, check whether firewall and"
        " proxy let WebSockets through, then venue.stream_url and the symbols' names.",
    ),
    Question(
        "rate limit",
        _headroom,
        "runbook 1 step 2: stop whatever else asks the exchange from this address, and wait; each"
        " request during a ban makes it longer.",
        needs=("exchange reachable",),
    ),
)
