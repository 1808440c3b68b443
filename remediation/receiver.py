"""What the web side may ask of the engine: three doors and no more."""

from typing import Protocol


class EngineView(Protocol):
    """The engine as handlers and metrics see it."""

    @property
    def ready(self) -> bool:
        """Whether the loops run."""

    @property
    def last_reconcile_success(self) -> float | None:
        """Wall time at which Alertmanager last answered."""

    def wake(self) -> None:
        """Look at the queue now."""

    def request_reconcile(self) -> None:
        """Ask Alertmanager now."""
