"""Everything about one check on one page: values, sources, settings, and what to do next."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from exporter.collectors.families import Family
from exporter.config_view import settings_of
from exporter.runtime import Inspection
from exporter.scenarios import Scenario
from exporter.snapshot import BotSnapshot, Health
from exporter.web.message import Response
from exporter.web.pages import page, table

_ZEROS_SHOWN = 3
_NO_SOURCE = frozenset({"configuration", "exporter"})


def debug_page(scenario: Scenario, seen: Inspection, base: str) -> Response:
    """Return the page of one scenario."""
    parts = [
        f'<p><a href="{escape(base)}/">Home</a>. Seen {_moment(seen.now)}.</p>\n',
        f"<p><b>What to do next</b> (runbook {escape(scenario.heading)}): ",
        f"{escape(scenario.next_step)}</p>\n",
    ]
    if shared := [family for family in seen.declared if "bot" not in family.labels]:
        parts += ["<h2>This host</h2>\n", _metrics(shared, seen.families, None)]
    for item in seen.snapshot.bots:
        bot = item.bot
        parts += [
            f"<h2>Bot {escape(bot.name)} ({bot.mode}, {bot.venue.kind})</h2>\n",
            _metrics(
                [family for family in seen.declared if "bot" in family.labels],
                seen.families,
                bot.name,
            ),
            _sources(item, seen),
            f"<h3>Settings in force</h3>\n{_pre(settings_of(bot, scenario.settings))}",
            "<h3>As the bot's own configuration has them</h3>\n",
            _pre("".join(f"{name}: {value}\n" for name, value in asdict(item.settings).items())),
        ]
    if own := settings_of(seen.config.exporter, scenario.exporter_settings):
        parts.append(f"<h2>The exporter's own settings</h2>\n{_pre(own)}")
    return page(scenario.heading, "".join(parts))


def _metrics(declared: Iterable[Family], families: Sequence[Metric], bot: str | None) -> str:
    """Every declared metric, also one that is absent: that it is unknown is what one looks for."""
    found = {
        family.name: [
            sample
            for sample in family.samples
            if sample.labels.get("bot") == bot and not sample.name.endswith("_bucket")
        ]
        for family in families
    }
    rows = (
        (
            f"{escape(family.sample_name)}<small>{escape(family.text)}</small>",
            _values(family, found.get(family.name, ())),
        )
        for family in declared
    )
    return "<h3>Metrics now</h3>\n" + table(("Metric", "Value"), rows)


def _values(family: Family, samples: Sequence[Sample]) -> str:
    """The samples; many zeros, as of a state or of failures by cause, are only counted."""
    if not samples:
        return '<span class="bad">absent: not known now</span>'
    zeros = sum(not sample.value for sample in samples)
    few = zeros <= _ZEROS_SHOWN
    lines = [_sample(family, sample) for sample in samples if few or sample.value]
    if not few:
        lines.append(f"<small>{zeros} {'more ' if lines else ''}are 0</small>")
    return "<br>".join(lines)


def _sample(family: Family, sample: Sample) -> str:
    words = [f"{name}={value}" for name, value in sample.labels.items() if name != "bot"]
    if suffix := sample.name.removeprefix(family.sample_name):
        words.append(suffix)
    value = f"<b>{sample.value:.12g}</b>"
    if family.name.endswith("_timestamp_seconds"):
        value += f" {_moment(sample.value)}"
    return " ".join((*map(escape, words), value))


def _sources(item: BotSnapshot, seen: Inspection) -> str:
    wanted = {family.source for family in seen.declared} - _NO_SOURCE
    known = [(name, health) for name, health in item.health.items() if name in wanted]
    rows = (
        (
            escape(name),
            _state(health),
            _age(health.last_attempt, seen.now),
            _age(health.last_success, seen.now),
            escape(", ".join(f"{reason} {n}" for reason, n in health.failures.items()) or "none"),
        )
        for name, health in known
    )
    head = ("Source", "State", "Last attempt", "Last success", "Failures since start")
    attempts = "".join(_attempts(name, health) for name, health in known if health.attempts)
    missing = sorted(wanted - item.health.keys())
    unused = f"<p>Not configured: {escape(', '.join(missing))}</p>\n" if missing else ""
    return f"<h3>Sources</h3>\n{table(head, rows)}{unused}{attempts}"


def _state(health: Health) -> str:
    if health.up:
        return '<span class="good">up</span>'
    return f'<span class="bad">down</span> {escape(health.detail)}'


def _attempts(name: str, health: Health) -> str:
    rows = (
        (
            _moment(attempt.time),
            f"{attempt.seconds:.3f} s",
            "ok" if attempt.ok else f'<span class="bad">{escape(attempt.detail)}</span>',
        )
        for attempt in reversed(health.attempts)
    )
    title = f"<h3>Recent attempts: {escape(name)}</h3>\n"
    return title + table(("When", "Took", "Result"), rows)


def _pre(text: str) -> str:
    return f"<pre>{escape(text)}</pre>\n"


def _age(moment: float | None, now: float) -> str:
    return "never" if moment is None else f"{now - moment:.1f} s ago"


def _moment(unix: float) -> str:
    try:
        return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return ""  # a file's or an exchange's time may be anything
