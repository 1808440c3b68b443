"""One family's series in one scrape, as rows of label values with a value.

The library's families make a dictionary and a tuple of six for every sample, which costs more
than all the rest of a collector's work. These keep what they are given and make samples only
for somebody who asks for them; the exposition does not.
"""

from collections.abc import Sequence

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

Row = tuple[Sequence[str], float]
Group = tuple[str, tuple[str, ...], list[Row]]


class Filled(Metric):
    """A family with its rows, of whatever kind.

    ``groups`` are runs of rows with the same sample name and label names, in order.

    Args:
        name: the full name, without ``_total``.
        text: the help.
        kind: gauge, counter or histogram.
    """

    groups: list[Group]

    def __init__(self, name: str, text: str, kind: str) -> None:
        # Not the library's own, which looks at every character of the name at every scrape:
        # names are declared in this program, and its tests hold them against the rules.
        self.name = name
        self.documentation = text
        self.type = kind
        self.unit = ""
        self.groups = []

    def __getattr__(self, name: str) -> list[Sample]:
        """Make the library's samples, which nobody in a scrape asks for."""
        if name != "samples":
            raise AttributeError(name)
        return [
            Sample(sample_name, dict(zip(names, labels, strict=True)), value)
            for sample_name, names, rows in self.groups
            for labels, value in rows
        ]


class Series(Filled):
    """The series of a gauge or a counter.

    Args:
        name: the full name, without ``_total``.
        text: the help.
        kind: gauge or counter.
        sample_name: the name as it is queried.
        labels: the names of the labels.
    """

    def __init__(
        self, name: str, text: str, kind: str, sample_name: str, labels: tuple[str, ...]
    ) -> None:
        super().__init__(name, text, kind)
        self._rows: list[Row] = []
        self.groups.append((sample_name, labels, self._rows))

    def add_metric(self, labels: Sequence[str], value: float) -> None:
        """Add one: a value for each label, in the order of their names."""
        self._rows.append((labels, value))


class Histograms(Filled):
    """The series of a histogram.

    Args:
        name: the full name.
        text: the help.
        labels: the names of the labels, without ``le``.
    """

    def __init__(self, name: str, text: str, labels: tuple[str, ...]) -> None:
        super().__init__(name, text, "histogram")
        self._labels = labels

    def add_metric(
        self, labels: Sequence[str], buckets: Sequence[tuple[str, float]], sum_value: float
    ) -> None:
        """Add one: cumulative counts by upper bound, +Inf last, and the sum of what was seen."""
        counts: list[Row] = [((*labels, bound), count) for bound, count in buckets]
        self.groups += (
            (f"{self.name}_bucket", (*self._labels, "le"), counts),
            (f"{self.name}_count", self._labels, [(labels, buckets[-1][1])]),
            (f"{self.name}_sum", self._labels, [(labels, sum_value)]),
        )
