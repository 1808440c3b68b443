"""One of the bot's files is damaged, old, or gone."""

from collections.abc import Iterator

import pytest

from tests.sim.holdings import Venue
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand

_STEM = "data_corruption"
_BOT: Venue = "binance_usdm"
_FILTERS, _FEATURES = "data/binance_filters.json", "data/features.parquet"
_POSITIONS, _STATE = "state/positions.json", "state/kill_switch_state.json"
_INVALID, _SHRUNK = {"TradingBotFileInvalid"}, {"TradingBotFileShrunk"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot whose files are all good."""
    with stand(tmp_path_factory.mktemp("data"), _BOT, fast={"data_poll", "rules_poll"}) as made:
        yield made


@pytest.mark.parametrize(
    ("kind", "file", "valid", "fires"),
    [
        ("truncated_json", _FILTERS, 0, _INVALID | _SHRUNK),
        ("wrong_schema", _FILTERS, 0, _INVALID | _SHRUNK),
        ("wrong_schema", _FEATURES, 1, _SHRUNK),
        ("shrunk", _FEATURES, 1, _SHRUNK),
        ("shrunk", _FILTERS, 0, _INVALID | _SHRUNK),
        ("missing", _FILTERS, 0, _INVALID),
        ("missing", _FEATURES, 0, _INVALID),
        ("stale_filters", _FILTERS, 1, {"TradingBotFileTooOld"}),
    ],
)
def test_a_data_file_is_damaged(
    ground: Ground, kind: str, file: str, valid: int, fires: set[str]
) -> None:
    """Each file is judged in one round of its own source."""
    with ground.fault(_STEM, "data_files", fires=fires, kind=kind, file=file) as seen:
        assert seen.during.number("file_valid", file=file) == valid
        assert seen.during.number("source_up", source="data_files") == 1
    for page in (seen.before, seen.after):
        assert page.number("file_valid", file=file) == 1
        assert page.number("file_shrunk", file=file) == 0


@pytest.mark.parametrize(
    ("ratio", "fires"), [(0.5, {"TradingBotFileNanRatioHigh"}), (0.04, set[str]())]
)
def test_numbers_are_missing(ground: Ground, ratio: float, fires: set[str]) -> None:
    """A few holes are usual; the threshold says from where on they are not."""
    with ground.fault(_STEM, "data_files", fires=fires, kind="nan_parquet", ratio=ratio) as seen:
        holes = seen.during.number("file_nan_ratio", file=_FEATURES)
        assert holes == pytest.approx(0.75 * ratio)  # one column in four is whole numbers
        assert seen.during.number("file_rows", file=_FEATURES) == 500
    assert seen.after.number("file_nan_ratio", file=_FEATURES) == 0


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("truncated_json", _POSITIONS),
        ("missing", _POSITIONS),
        ("truncated_json", _STATE),
        ("missing", _STATE),
    ],
)
def test_a_state_file_is_damaged(ground: Ground, kind: str, file: str) -> None:
    """State is read at each scrape as well; a file that was there must stay there."""
    sources = ("bot_files", "data_files")
    with ground.fault(_STEM, *sources, fires=_INVALID, kind=kind, file=file) as seen:
        assert seen.during.number("file_valid", file=file) == 0
        assert seen.during.number("source_up", source="bot_files") == 0
    assert seen.after.number("file_valid", file=file) == 1
    assert seen.after.number("source_up", source="bot_files") == 1


def test_old_filters_are_not_the_exchange_s(ground: Ground) -> None:
    """Their age is one thing, that they differ is another, and says what to do."""
    with ground.fault(
        _STEM, "data_files", "rules", fires={"TradingBotFileTooOld"}, kind="stale_filters"
    ) as seen:
        assert seen.during.number("exchange_filters_outdated") == 1
        outdated = {"TradingBotFiltersOutdated"}
        rules.judge(seen.during, seen.before, "exchange_maintenance", outdated)
    assert seen.after.number("exchange_filters_outdated") == 0
    rules.judge(seen.after, seen.before, "exchange_maintenance", ())
