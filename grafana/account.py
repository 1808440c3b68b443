"""The Account dashboard: positions, orders, keys."""

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

_OF_POSITION = "{{bot}} {{symbol}} {{side}}"


def panels() -> Sequence[Panel]:
    """All panels in reading order."""
    return (*_positions(), *_orders(), *_keys())


def _positions() -> Sequence[Panel]:
    read = f"tradingbot_position_read_timestamp_seconds{BOT}"
    return (
        row("Positions"),
        lines(
            "Positions by state",
            "The exchange's positions against the bot's own file. Unknown is not a match.",
            Query(f"tradingbot_positions{BOT}", "{{bot}} {{state}}"),
            size=Size(8, 8),
        ),
        optional(
            lines(
                "Mismatches by kind",
                "In which way positions differ.",
                Query(f"tradingbot_position_differences{BOT}", "{{bot}} {{difference}}"),
                size=Size(8, 8),
            )
        ),
        optional(
            table(
                "Positions that do not match",
                "Different, settling or unknown, one by one.",
                Query(f'tradingbot_position_state{BOT[:-1]},state!="match"}} == 1'),
                hide=("Value", "job"),
                size=Size(8, 8),
            )
        ),
        optional(
            lines(
                "Quantity on both sides",
                "Rounded, for the eye: the exporter compares exact numbers.",
                Query(f"tradingbot_position_quantity{BOT}", f"{_OF_POSITION} {{{{holder}}}}"),
                size=Size(12, 8),
            )
        ),
        optional(
            lines(
                "Difference",
                "Exchange minus bot. Fees and rounding make small ones that are no mismatch.",
                Query(f"tradingbot_position_difference{BOT}", _OF_POSITION),
                size=Size(12, 8),
            )
        ),
        optional(
            lines(
                "Value of positions",
                "In the quote currency.",
                Query(f"tradingbot_position_notional{BOT}", _OF_POSITION),
                size=Size(12, 8),
            )
        ),
        optional(
            lines(
                "Age of what was compared",
                "Time since either side was read. Sides of different age are not compared.",
                Query(f"time() - {read}", "{{bot}} {{holder}}"),
                unit="s",
                size=Size(12, 8),
            )
        ),
    )


def _orders() -> Sequence[Panel]:
    oldest = f"tradingbot_partially_filled_order_oldest_timestamp_seconds{BOT}"
    ttl = f"tradingbot_partially_filled_order_ttl_threshold_seconds{BOT}"
    return (
        row("Orders"),
        optional(
            lines(
                "Resting orders",
                "Of everybody on the account, conditional ones included.",
                Query(f"tradingbot_open_orders{BOT}", "{{bot}} {{kind}} {{status}}"),
                size=Size(8, 8),
            )
        ),
        optional(
            lines(
                "Oldest partly filled order against its limit",
                "The limit is the bot's own, in bars.",
                Query(f"time() - {oldest}", "{{bot}}"),
                Query(ttl, "{{bot}} limit"),
                unit="s",
                dashed=".* limit",
                size=Size(8, 8),
            )
        ),
        optional(
            lines(
                "Value not filled yet",
                "Of partly filled orders, in the quote currency.",
                Query(f"tradingbot_partially_filled_remaining_notional{BOT}", "{{bot}}"),
                size=Size(8, 8),
            )
        ),
        optional(
            stat(
                "Foreign orders",
                "Resting orders that neither the bot nor the exchange placed. Somebody else may "
                "have a key.",
                Query(f"tradingbot_foreign_open_orders{BOT}", "{{bot}}"),
                steps=((None, "green"), (1, "red")),
                size=Size(8, 4),
            ),
            "unknown",
        ),
        optional(
            stat(
                "Forced orders",
                "Orders by which the exchange itself closes positions.",
                Query(f"tradingbot_forced_open_orders{BOT}", "{{bot}}"),
                steps=((None, "green"), (1, "red")),
                size=Size(8, 4),
            ),
            "unknown",
        ),
        optional(
            stat(
                "Trading blocked",
                "Whether the exchange says that the account may not trade.",
                Query(f"tradingbot_account_trading_blocked{BOT}", "{{bot}}"),
                mappings=YES_NO_BAD,
                size=Size(8, 4),
            ),
            "unknown",
        ),
    )


def _keys() -> Sequence[Panel]:
    created = f"tradingbot_api_key_created_timestamp_seconds{BOT}"
    expiry = f"tradingbot_api_key_expiry_timestamp_seconds{BOT}"
    return (
        row("Keys"),
        optional(
            timeline(
                "Key valid",
                "Whether the exchange takes the key of each role. Missing: not asked.",
                Query(f"tradingbot_api_key_valid{BOT}", "{{bot}} {{key}}"),
                mappings=YES_NO_GOOD,
                size=Size(8, 6),
            ),
            "unknown",
        ),
        optional(
            timeline(
                "What is wrong with a key",
                "By the exchange's own error code; no_credentials: not where it should be.",
                Query(f"tradingbot_api_key_problem{BOT} == 1", "{{bot}} {{key}} {{reason}}"),
                mappings=PRESENT,
                size=Size(8, 6),
            )
        ),
        optional(
            timeline(
                "Key present",
                "Whether the key of each role is where it should be.",
                Query(f"tradingbot_api_key_present{BOT}", "{{bot}} {{key}}"),
                mappings=YES_NO_GOOD,
                size=Size(8, 6),
            ),
            "unknown",
        ),
        *_permissions(),
        optional(
            lines(
                "Age against the limit",
                "The runbook asks for a new key each month.",
                Query(f"time() - {created}", "{{bot}} {{key}}"),
                Query(f"tradingbot_api_key_max_age_threshold_seconds{BOT}", "{{bot}} limit"),
                unit="s",
                dashed=".* limit",
                size=Size(12, 8),
            )
        ),
        optional(
            lines(
                "Time to expiry against the warning",
                "A key that expires stops trading with positions open.",
                Query(f"{expiry} - time()", "{{bot}} {{key}}"),
                Query(f"tradingbot_api_key_expiry_warn_threshold_seconds{BOT}", "{{bot}} limit"),
                unit="s",
                dashed=".* limit",
                size=Size(12, 8),
            )
        ),
    )


def _permissions() -> Sequence[Panel]:
    shown = (
        ("May trade", "can_trade", "The bot's key must; the exporter's must not.", YES_NO_NOTE),
        ("May withdraw", "can_withdraw", "No key here ever needs to.", YES_NO_BAD),
        ("Only from listed addresses", "ip_restricted", "Every key should.", YES_NO_GOOD),
        ("Shared with another role", "shared", "One leak or one ban takes both.", YES_NO_BAD),
    )
    return tuple(
        optional(
            stat(
                title,
                description,
                Query(f"tradingbot_api_key_{name}{BOT}", "{{bot}} {{key}}"),
                mappings=mappings,
                size=Size(6, 5),
            ),
            "unknown",
        )
        for title, name, description, mappings in shown
    )
