"""The Exchange dashboard: the way there, market data, maintenance, limits."""

from collections.abc import Sequence

from grafana.panels import (
    BOT,
    PRESENT,
    YES_NO_BAD,
    YES_NO_GOOD,
    YES_NO_NOTE,
    Panel,
    Query,
    Size,
    lines,
    optional,
    row,
    stat,
    table,
    timeline,
)


def panels() -> Sequence[Panel]:
    """All panels in reading order."""
    return (*_way(), *_requests(), *_market_data(), *_maintenance(), *_limits())


def _way() -> Sequence[Panel]:
    return (
        row("The way there"),
        timeline(
            "Reachable",
            "Whether the newest probe from this host got an answer from the exchange.",
            Query(f"tradingbot_exchange_reachable{BOT}", "{{bot}}"),
            mappings=YES_NO_GOOD,
            size=Size(12, 5),
        ),
        timeline(
            "What is in the way",
            "The fault that the newest probe found; none if there was none.",
            Query(f"tradingbot_network_fault{BOT} == 1", "{{bot}} {{fault}}"),
            mappings=PRESENT,
            size=Size(12, 5),
        ),
        lines(
            "Steps of a connection",
            "How long name, connection, encryption and answer took in the newest probe. A step "
            "that is missing failed or was not reached.",
            Query(f"tradingbot_network_stage_duration_seconds{BOT}", "{{bot}} {{stage}}"),
            unit="s",
            size=Size(16, 8),
        ),
        optional(
            stat(
                "Other hosts",
                "Whether a second host could be reached at the same moment. If so, the fault is "
                "not this host's.",
                Query(f"tradingbot_network_others_reachable{BOT}", "{{bot}}"),
                mappings=YES_NO_GOOD,
                size=Size(4, 8),
            ),
            "not configured",
        ),
        optional(
            stat(
                "Gateway",
                "Whether this host has a default route, or the bot's proxy answers.",
                Query(f"tradingbot_network_gateway_up{BOT}", "{{bot}}"),
                mappings=YES_NO_GOOD,
                size=Size(4, 8),
            ),
            "unknown",
        ),
    )


def _requests() -> Sequence[Panel]:
    bucket = f"tradingbot_exchange_request_duration_seconds_bucket{BOT}"
    rates = f"sum by (bot, endpoint, le) (rate({bucket}[$__rate_interval]))"
    failures = f"tradingbot_exchange_request_failures_total{BOT}"
    sources = f"tradingbot_source_failures_total{BOT}"
    return (
        row("The exporter's own requests"),
        lines(
            "Request time, 95th percentile",
            "Of the exporter's own requests. The bot's take the same path.",
            Query(f"histogram_quantile(0.95, {rates})", "{{bot}} {{endpoint}}"),
            unit="s",
            size=Size(8, 8),
        ),
        lines(
            "Failed requests",
            "Of the exporter's own requests, each second, by reason.",
            Query(
                f"sum by (bot, endpoint, reason) (rate({failures}[$__rate_interval]))",
                "{{bot}} {{endpoint}} {{reason}}",
            ),
            unit="reqps",
            size=Size(8, 8),
        ),
        lines(
            "Failed attempts by source",
            "Of all sources, each second. A source that fails has its values missing.",
            Query(
                f"sum by (bot, source, reason) (rate({sources}[$__rate_interval]))",
                "{{bot}} {{source}} {{reason}}",
            ),
            unit="ops",
            size=Size(8, 8),
        ),
    )


def _market_data() -> Sequence[Panel]:
    last = f"tradingbot_market_data_last_message_timestamp_seconds{BOT}"
    reconnects = f"tradingbot_market_data_stream_reconnects_total{BOT}"
    return (
        row("Market data"),
        optional(
            lines(
                "Age of market data against its limit",
                "Time since the last message of each stream, as our probe and as the bot sees it. "
                "An open socket proves nothing.",
                Query(f"time() - {last}", "{{bot}} {{stream}} {{observer}}"),
                Query(f"tradingbot_market_data_max_age_threshold_seconds{BOT}", "{{bot}} limit"),
                unit="s",
                dashed=".* limit",
                size=Size(12, 8),
            ),
            "no symbols",
        ),
        optional(
            lines(
                "Reconnects",
                "Of the exporter's own listener, in steps of the graph's interval. One a day is "
                "the exchange's habit.",
                Query(f"increase({reconnects}[$__rate_interval])", "{{bot}} {{stream}}"),
                unit="short",
                size=Size(8, 8),
            ),
            "no symbols",
        ),
        optional(
            stat(
                "Market open",
                "Whether the market is open now. Data of a closed market may be old.",
                Query(f"tradingbot_market_open{BOT}", "{{bot}}"),
                mappings=((0, "closed", "blue"), (1, "open", "green")),
                size=Size(4, 8),
            ),
            "unknown",
        ),
    )


def _maintenance() -> Sequence[Panel]:
    start = f"tradingbot_exchange_maintenance_next_start_timestamp_seconds{BOT}"
    return (
        row("Maintenance and rules"),
        optional(
            timeline(
                "In maintenance",
                "By the exchange's own word or by clear signs. Missing: unknown.",
                Query(f"tradingbot_exchange_maintenance{BOT}", "{{bot}}"),
                mappings=YES_NO_BAD,
                size=Size(8, 5),
            ),
            "unknown",
        ),
        optional(
            timeline(
                "Signs of maintenance",
                "What speaks for it. A window alone, from the calendar, does not make it so.",
                Query(f"tradingbot_exchange_maintenance_cause{BOT} == 1", "{{bot}} {{cause}}"),
                mappings=PRESENT,
                size=Size(8, 5),
            )
        ),
        optional(
            stat(
                "Window open",
                "Whether the calendar has a maintenance window now.",
                Query(f"tradingbot_exchange_maintenance_scheduled{BOT}", "{{bot}}"),
                mappings=YES_NO_NOTE,
                size=Size(4, 5),
            ),
            "unknown",
        ),
        optional(
            stat(
                "Next window in",
                "By the configured calendar.",
                Query(f"{start} - time()", "{{bot}}"),
                unit="s",
                size=Size(4, 5),
            )
        ),
        optional(
            timeline(
                "Symbols open for trading",
                "Whether the exchange takes new orders for each symbol of the bot.",
                Query(f"tradingbot_exchange_symbol_tradable{BOT}", "{{bot}} {{symbol}}"),
                mappings=YES_NO_GOOD,
                size=Size(12, 8),
            ),
            "no symbols",
        ),
        optional(
            stat(
                "Outdated filters",
                "Symbols whose steps or minima in the bot's file are not the exchange's.",
                Query(f"tradingbot_exchange_filters_outdated{BOT}", "{{bot}}"),
                steps=((None, "green"), (1, "orange")),
                size=Size(4, 8),
            ),
            "not compared",
        ),
        optional(
            table(
                "Fees",
                "What the account pays, as a share of a trade's value.",
                Query(f"tradingbot_exchange_fee_ratio{BOT}"),
                hide=("job",),
                size=Size(8, 8),
            )
        ),
    )


def _limits() -> Sequence[Panel]:
    used, limit = (f"tradingbot_exchange_rate_limit_{what}{BOT}" for what in ("used", "limit"))
    return (
        row("Limits"),
        optional(
            lines(
                "Rate limit used",
                "Share of what the exchange allows, by everybody it counts together.",
                Query(
                    f"{used} / on (bot, instance, kind, scope) {limit}",
                    "{{bot}} {{kind}} per {{scope}}",
                ),
                unit="percentunit",
                size=Size(20, 8),
            )
        ),
        optional(
            stat(
                "Silence asked for",
                "How long the exchange still wants no requests from this address.",
                Query(
                    f"tradingbot_exchange_quiet_until_timestamp_seconds{BOT} - time()", "{{bot}}"
                ),
                unit="s",
                steps=((None, "green"), (0, "red")),
                size=Size(4, 8),
            )
        ),
    )
