"""What the receiver may do."""

from typing import Annotated

from msgspec import Meta

from exporter.config.base import Count, Name, Seconds, Section, Text, Url


class Operator(Section, frozen=True, kw_only=True):
    """A person who may approve. The token identifies him; the journal names him."""

    name: Name
    token_env: Text | None = None
    token_file: Text | None = None


class Budget(Section, frozen=True, kw_only=True):
    """At most ``actions`` of one kind within ``window_seconds``."""

    actions: Count
    window_seconds: Seconds = 3600.0


class RemediationSettings(Section, frozen=True, kw_only=True):
    """What the receiver may do. Dry-run until the owner turns it off."""

    dry_run: bool = True
    data_dir: Text = "/var/lib/tradewarden"
    webhook_token_env: Text | None = None
    webhook_token_file: Text | None = None
    operators: tuple[Operator, ...] = ()
    external_url: Url = "http://127.0.0.1:9841"
    reconcile_seconds: Annotated[float, Meta(ge=0.5, le=3600)] = 30.0
    defer_escalate_seconds: Seconds = 600.0
    approval_seconds: Seconds = 3600.0
    restart_budget: Budget = Budget(actions=3)
    clock_budget: Budget = Budget(actions=6)
    incident_budget: Budget = Budget(actions=12)
    cooldown_seconds: Seconds = 300.0
    storm_scenarios: Count = 3
    verify_samples: Annotated[int, Meta(ge=2, le=100)] = 3
    verify_interval_seconds: Seconds = 5.0
    verify_within_seconds: Seconds = 300.0
    dry_run_seconds: Seconds = 60.0
    live_proof_seconds: Seconds = 120.0
    watch_seconds: Seconds = 3600.0
    stop_seconds: Seconds = 60.0
    command_seconds: Seconds = 120.0
    escalation_repeat_seconds: Seconds = 60.0
    fallback_pager_url: Url | None = None
    fallback_after_seconds: Seconds = 120.0
