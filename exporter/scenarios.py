"""The runbook's ten scenarios: what each is called, what to do first, which settings count."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """One section of recovery-procedures.md.

    ``settings`` and ``exporter_settings`` are key paths below a bot and below ``exporter``.
    """

    stem: str
    heading: str
    next_step: str
    settings: tuple[str, ...]
    exporter_settings: tuple[str, ...] = ()


SCENARIOS = (
    Scenario(
        "network_disconnection",
        "1. Network Disconnection",
        "Check DNS, the route and the exchange's API from this host. If others answer and the"
        " exchange does not, look at its status page; if nobody answers, restart the adapter and"
        " check firewall and proxy. Resume through the doctor and a dry run.",
        (
            "venue.base_url",
            "venue.stream_url",
            "venue.symbols",
            "venue.proxy",
            "latency",
            "market_data",
        ),
        ("poll_seconds", "timeout_seconds", "second_hosts", "clock_references"),
    ),
    Scenario(
        "clock_drift",
        "2. Clock Drift",
        "Only if both references agree that the local clock is off: synchronise it, and measure"
        " again against the exchange before the kill switch is cleared and trading resumes.",
        ("clock_sync", "venue.kind"),
        ("ntp_servers", "clock_references", "clock_samples", "ntp_poll_seconds"),
    ),
    Scenario(
        "kill_switch",
        "3. Kill Switch Triggered",
        "Read the state file and the recent log for the cause and resolve that first. Then a"
        " person clears the switch, compares positions with the exchange, and resumes through"
        " the doctor and a dry run.",
        ("paths.kill_switch_flag", "paths.kill_switch_state", "paths.pause_flag"),
    ),
    Scenario(
        "partial_fills",
        "4. Partial Fills",
        "Ask the exchange for the order's status, then cancel the remainder, let it fill, or"
        " adjust the position; see that the bot's own state follows on its next cycle.",
        ("execution_params", "bar_seconds", "venue.client_order_prefix"),
        ("account_poll_seconds",),
    ),
    Scenario(
        "exchange_maintenance",
        "5. Exchange Maintenance",
        "Wait for it to end and do not retry meanwhile. Then check that the exchange answers,"
        " whether rules, limits or filters have changed, and resume through the doctor.",
        ("venue.kind", "venue.base_url", "venue.symbols", "venue.maintenance_windows"),
        ("poll_seconds", "rules_poll_seconds"),
    ),
    Scenario(
        "process_crash",
        "6. Process Crash",
        "Read the unit's journal and the log for how it ended, look for orphan positions at the"
        " exchange and settle them, find the cause, and only then start it again.",
        ("process", "heartbeat", "metrics"),
    ),
    Scenario(
        "data_corruption",
        "7. Data Corruption",
        "Find the damaged file, restore it from the backup or fetch it again. Position state is"
        " replaced only by a person who has compared it with the exchange.",
        ("paths.state", "paths.data", "paths.backups", "data_checks", "disk"),
        ("data_poll_seconds",),
    ),
    Scenario(
        "api_key",
        "8. API Key Issues",
        "See whether the key is set, whether it works, and what it may do. A key that is invalid"
        " or may withdraw is replaced at the exchange; then restart the bot.",
        ("venue.credentials", "venue.api_key", "venue.client_order_prefix"),
        ("key_poll_seconds",),
    ),
    Scenario(
        "position_mismatch",
        "9. Position Mismatch",
        "Take the exchange's positions as the truth, compare them with the bot's file, and have"
        " a person reconcile; then look for missed fills in the order history.",
        ("paths.positions", "tolerances"),
        ("account_poll_seconds",),
    ),
    Scenario(
        "memory_exhaustion",
        "10. Memory Exhaustion",
        "Find what uses the memory and free it, restart the bot with a limit, and reduce its"
        " batch sizes and history.",
        ("memory", "process"),
    ),
)


def find(stem: str) -> Scenario | None:
    """Return the scenario of that stem."""
    return next((scenario for scenario in SCENARIOS if scenario.stem == stem), None)
