"""One of the bot's files is damaged, as a crash, a bad download or a full disk damages it."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from tests.sim import damage
from tests.sim.faults.base import Fault
from tests.sim.files import remove, replace
from tests.sim.world import FaultError, Undo, World

_FILTERS, _FEATURES = "data/binance_filters.json", "data/features.parquet"
_FILES = {"nan_parquet": _FEATURES, "shrunk": _FEATURES}
_AGE_SECONDS = 40 * 86400  # filters count as old after thirty days


class DataCorruption(Fault, frozen=True, kw_only=True):
    """What has happened to ``file``, a path relative to the bot's root.

    ``truncated_json``: cut in half. ``nan_parquet``: ``ratio`` of every number is missing.
    ``wrong_schema``: readable, and not what it was. ``stale_filters``: forty days old, with
    other steps than the exchange's. ``shrunk``: most rows are gone. ``missing``: all of it is.
    """

    scenario: ClassVar[str] = "data_corruption"
    kind: Literal[
        "truncated_json", "nan_parquet", "wrong_schema", "stale_filters", "shrunk", "missing"
    ] = "truncated_json"
    file: Annotated[str, Meta(pattern="^[a-z0-9_][a-z0-9_./-]{0,100}$")] | None = None
    ratio: Annotated[float, Meta(gt=0, le=1)] = 0.5
    bot: str | None = None

    def inject(self, world: World) -> Undo:
        """Damage it; ending the fault restores it, unless somebody has repaired it by then."""
        root = world.bot_root(self.bot).resolve()
        path = (root / (self.file or _FILES.get(self.kind, _FILTERS))).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise FaultError(f"the bot has no file {path}")
        if self.kind == "missing":
            return remove(path)
        try:
            content = damage.damaged(path, self.kind, self.ratio)
        except (ValueError, LookupError) as error:
            raise FaultError(f"{path} cannot be damaged like that: {error}") from error
        if self.kind != "stale_filters":
            return replace(path, content)
        return replace(path, content, int((world.wall() - _AGE_SECONDS) * 1e9))
