"""Can the exchange be reached, what is in the way, and how old is its market data?"""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import add_latencies, bot_counter, bot_gauge, bot_histogram
from exporter.collectors.sources import EXCHANGE_REASONS, SIGNED_REASONS
from exporter.config import Bot
from exporter.market_hours import Markets
from exporter.readings import NetworkFault
from exporter.series import Series
from exporter.snapshot import BotSnapshot, Latency, Snapshot

REACHABLE = bot_gauge(
    "exchange_reachable",
    "1 if the newest probe from this host got an answer from the exchange; 0 if it did not, or if"
    " no recent probe has ended.",
    source="network",
)
FAULT = bot_gauge(
    "network_fault",
    "1 for what the newest probe found in the way: fault=none if nothing, local if this host"
    " reaches nobody. All the other faults are 0.",
    "fault",
    source="network",
)
STAGE = bot_gauge(
    "network_stage_duration_seconds",
    "How long each step of a new connection to the exchange took in the newest probe; a step that"
    " failed, or was not reached, is absent.",
    "stage",
    source="network",
)
OTHERS = bot_gauge(
    "network_others_reachable",
    "1 if a second host could be reached at the same moment: then the fault is not this host's."
    " Absent without second hosts.",
    source="network",
)
GATEWAY = bot_gauge(
    "network_gateway_up",
    "1 if this host has a default route, or the bot's proxy answers.",
    source="network",
)
DURATION = bot_histogram(
    "exchange_request_duration_seconds",
    "How long the exporter's own successful requests to the exchange took (not the bot's).",
    "endpoint",
    source="exchange",
)
FAILURES = bot_counter(
    "exchange_request_failures",
    "The exporter's own requests to the exchange that failed, by cause (not the bot's).",
    "endpoint",
    "reason",
    source="exchange",
)
LAST_MESSAGE = bot_gauge(
    "market_data_last_message_timestamp_seconds",
    "When market data of this stream last arrived, at the exporter's own listener (observer=probe)"
    " or at the bot, by the bot's metrics (observer=bot).",
    "stream",
    "observer",
    source="market_data",
)
MAX_AGE = bot_gauge(
    "market_data_max_age_threshold_seconds",
    "Age of the last message from which market data counts as stale.",
    source="configuration",
)
RECONNECTS = bot_counter(
    "market_data_stream_reconnects",
    "Times the exporter's own listener connected anew; the exchange ends each connection daily.",
    "stream",
    source="market_data",
)
MARKET_OPEN = bot_gauge(
    "market_open",
    "1 while the market is open; always 1 where nothing that the bot trades ever closes. Market"
    " data of a closed market may be old. Beside shares coins trade on (market_never_closes).",
    source="exchange",
)
NEVER_CLOSES = bot_gauge(
    "market_never_closes",
    "1 if the market of this stream trades all the time, as coins do, 0 if it has hours, as shares"
    " have; absent until that is known.",
    "stream",
    source="rules",
)
FAMILIES = (
    REACHABLE,
    FAULT,
    STAGE,
    OTHERS,
    GATEWAY,
    DURATION,
    FAILURES,
    LAST_MESSAGE,
    MAX_AGE,
    RECONNECTS,
    MARKET_OPEN,
    NEVER_CLOSES,
)

_PUBLIC = ("ping", "time", "status")
_SIGNED = ("account", "positions", "open_orders", "key", "history", "fees")


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn probes, requests and streams into metrics."""
    return (
        *_network(snapshot),
        *_requests(snapshot),
        *_market_data(snapshot),
    )


def _network(snapshot: Snapshot) -> Iterable[Series]:
    reachable, fault, stage = REACHABLE.gauge(), FAULT.gauge(), STAGE.gauge()
    others, gateway = OTHERS.gauge(), GATEWAY.gauge()
    for item in snapshot.bots:
        name, network = item.bot.name, item.network
        health = item.health.get("network")
        if network is None:
            # Looked at without a result is not reachable; not looked at yet is not known.
            if health is not None and health.last_attempt is not None:
                reachable.add_metric([name], 0)
            continue
        reachable.add_metric([name], float(network.reachable))
        for member in NetworkFault:
            fault.add_metric([name, member.value], float(member is network.fault))
        for step in network.stages:
            if step.ok:
                stage.add_metric([name, step.stage.value], step.seconds)
        if network.others_reachable is not None:
            others.add_metric([name], float(network.others_reachable))
        if network.gateway is not None:
            gateway.add_metric([name], float(network.gateway))
    return reachable, fault, stage, others, gateway


def _requests(snapshot: Snapshot) -> Iterable[Metric]:
    duration, failures = DURATION.histogram(), FAILURES.counter()
    for item in snapshot.bots:
        used = _used_endpoints(item)
        add_latencies(duration, item.bot.name, {k: v for k, v in item.latency.items() if k in used})
        _add_failures(failures, item, used)
    return duration, failures


def _used_endpoints(item: BotSnapshot) -> frozenset[str]:
    """Endpoints that this bot's configuration makes us ask, or that were asked anyway."""
    asked = {endpoint for endpoint, latency in item.latency.items() if latency != Latency()}
    failed = {endpoint for endpoint, _ in item.request_failures}
    return frozenset({*_expected_endpoints(item.bot), *asked, *failed})


def _expected_endpoints(bot: Bot) -> Iterable[str]:
    yield from _PUBLIC
    if bot.venue.symbols:
        yield "rules"
    roles = bot.venue.credentials
    if roles.exporter is not None or roles.bot is not None:
        yield from _SIGNED
    if bot.venue.kind == "alpaca" and bot.venue.symbols:
        yield "market_data"


def _add_failures(failures: Series, item: BotSnapshot, endpoints: Iterable[str]) -> None:
    """Add every failure that can happen, at 0 until it does, so that a first one is a rise."""
    known = {
        (endpoint, reason): 0
        for endpoint in sorted(endpoints)
        for reason in (SIGNED_REASONS if endpoint in _SIGNED else EXCHANGE_REASONS)
    }
    for (endpoint, reason), count in {**known, **item.request_failures}.items():
        failures.add_metric([item.bot.name, endpoint, reason.value], count)


def _market_data(snapshot: Snapshot) -> Iterable[Metric]:
    last, max_age = LAST_MESSAGE.gauge(), MAX_AGE.gauge()
    reconnects, market_open = RECONNECTS.counter(), MARKET_OPEN.gauge()
    never_closes = NEVER_CLOSES.gauge()
    for item in snapshot.bots:
        name = item.bot.name
        max_age.add_metric([name], item.bot.market_data.max_age_seconds)
        for stream in item.streams:
            reconnects.add_metric([name, stream.stream], stream.reconnects)
            if stream.last_message is not None:
                last.add_metric([name, stream.stream, "probe"], stream.last_message)
        if item.bot_metrics is not None:
            for label, seconds in item.bot_metrics.market_data.items():
                last.add_metric([name, label, "bot"], seconds)
        markets = Markets.of(item.bot.venue, item.rules, item.coins)
        if (now := markets.is_open(item.market_hours)) is not None:
            market_open.add_metric([name], float(now))
        for label in _stream_labels(item):
            if (never := markets.never_closes(label)) is not None:
                never_closes.add_metric([name, label], float(never))
    return last, max_age, reconnects, market_open, never_closes


def _stream_labels(item: BotSnapshot) -> list[str]:
    """Every stream that anybody listens to, by our name for it or by the bot's."""
    seen_by_bot = item.bot_metrics.market_data if item.bot_metrics is not None else {}
    return sorted({*(stream.stream for stream in item.streams), *seen_by_bot})
