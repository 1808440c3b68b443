"""One scrape of the exporter, as the samples of one bot."""

import re
from dataclasses import dataclass
from functools import cached_property

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_PREFIX = "tradingbot_"
_SUCCESS = re.compile(
    r'^tradewarden_exporter_collector_success\{collector="(\w+)"\} (\S+)$', re.MULTILINE
)
_ATTEMPT = 'source_last_attempt_timestamp_seconds{{bot="{}",source="{}"}} '


@dataclass(frozen=True)
class Page:
    """What /metrics said; ``at`` is the Unix time at which it was asked."""

    at: float
    text: str
    bot: str

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """The bot's samples and those that are no bot's; parsed when first looked at.

        Other bots' lines and buckets are most of a page, and nothing is asked of them.
        """
        own = f'bot="{self.bot}"'
        lines = (
            line
            for line in self.text.splitlines(keepends=True)
            if line.startswith("# TYPE")
            or (own in line and "_bucket{" not in line)
            or not ('bot="' in line or line.startswith("#"))
        )
        families = text_string_to_metric_families("".join(lines))
        return tuple(sample for family in families for sample in family.samples)

    def find(self, name: str, **labels: str) -> list[Sample]:
        """Return the samples of the bot's metric that have these labels."""
        wanted = {"bot": self.bot, **labels}.items()
        full = f"{_PREFIX}{name}"
        return [s for s in self.samples if s.name == full and wanted <= s.labels.items()]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the one value of the bot's metric with these labels; None if it is absent."""
        found = self.find(name, **labels)
        assert len(found) <= 1, f"{name}{labels} is not one series: {found}"
        return found[0].value if found else None

    def number(self, name: str, **labels: str) -> float:
        """Return the one value of a metric that must be there."""
        value = self.value(name, **labels)
        assert value is not None, f"{self.bot} has no {name}{labels or ''}"
        return value

    def which(self, name: str, label: str, **labels: str) -> set[str]:
        """Return the values of ``label`` for which the bot's metric is not zero."""
        return {s.labels[label] for s in self.find(name, **labels) if s.value}

    def attempt(self, source: str) -> float:
        """Return when the newest finished round of a source began; 0 if none has ended."""
        _, found, rest = self.text.partition(_ATTEMPT.format(self.bot, source))
        return float(rest[: rest.index("\n")]) if found else 0.0


def read_page(text: str, at: float, bot: str) -> Page:
    """Return a scrape in which every collector has succeeded."""
    success = dict(_SUCCESS.findall(text))
    assert set(success.values()) == {"1.0"}, success or text[:500]
    return Page(at, text, bot)
