"""Pollers for the configuration as it is, one taking over from another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from exporter import config_file
from exporter.poller import Poller
from exporter.snapshot import BotSnapshot
from tests.collectors.conftest import Watched

Start = Callable[..., Poller]


@contextmanager
def polling(watched: Watched) -> Iterator[Start]:
    """Start pollers, each of which may replace an earlier one; all end with the block."""
    running: list[Poller] = []

    def start(previous: Poller | None = None) -> Poller:
        watched.save()
        poller = Poller(config_file.load(watched.file), previous, keep_silences=True)
        running.append(poller)
        poller.start()
        assert poller.wait_first_round(60)
        return poller

    try:
        yield start
    finally:
        for poller in running:
            poller.stop(5)


def alpha(poller: Poller) -> BotSnapshot:
    """What is known of the first bot."""
    return poller.snapshot().bots[0]
