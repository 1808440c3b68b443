"""What a fault is: parameters as fields, one way in, and the way out it returns."""

import abc
from typing import ClassVar

import msgspec

from tests.sim.world import Undo, World


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fault. ``scenario`` is its stem, the file's name."""

    scenario: ClassVar[str]

    @abc.abstractmethod
    def inject(self, world: World) -> Undo:
        """Bring the fault about; return what ends it and restores what it changed.

        Raises:
            FaultError: if the world lacks what the fault needs.
        """
