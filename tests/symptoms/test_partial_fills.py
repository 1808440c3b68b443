"""An order of the bot has been filled in part and rests since, at every venue."""

from collections.abc import Iterator

import pytest

from tests.sim.holdings import Venue
from tests.symptoms import rules
from tests.symptoms.ground import Ground, stand
from tests.symptoms.venues import TTL_SECONDS, VENUES

_STEM = "partial_fills"
_OLD = {"TradingBotPartialFillOld"}
_OLDEST = "partially_filled_order_oldest_timestamp_seconds"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A bot at each venue, which should cancel the rest of an order after five minutes."""
    with stand(tmp_path_factory.mktemp("partial"), *VENUES, fast={"account_poll"}) as made:
        yield made


@pytest.mark.parametrize("of", VENUES)
@pytest.mark.parametrize(
    ("age", "ratio", "fires"), [(TTL_SECONDS + 60, 0.4, _OLD), (0.0, 0.9, set[str]())]
)
def test_an_order_is_filled_in_part(
    ground: Ground, of: Venue, age: float, ratio: float, fires: set[str]
) -> None:
    """Counted at once, with its age and what is left of it; an alert once it is too old."""
    with ground.fault(
        _STEM, "account", fires=fires, of=of, venue=of, age_seconds=age, ratio=ratio
    ) as seen:
        page = seen.during
        assert page.number("partially_filled_orders") == 1
        assert page.which("open_orders", "status") == {"PARTIALLY_FILLED"}
        assert page.number("partially_filled_remaining_notional") > 0
        assert ground.disturbed - page.number(_OLDEST) == pytest.approx(age, abs=20)
        assert page.number("partially_filled_order_ttl_threshold_seconds") == TTL_SECONDS
        assert page.number("foreign_open_orders") == 0
    for page in (seen.before, seen.after):
        assert page.number("partially_filled_orders") == 0
        assert page.value(_OLDEST) is None
        assert page.number("partially_filled_remaining_notional") == 0


def test_a_fill_that_the_bot_has_missed(ground: Ground) -> None:
    """Then its positions are wrong as well, and both are said.

    An order of the bot has just changed, so this round is not over before five seconds.
    """
    of: Venue = "binance_usdm"
    age = TTL_SECONDS + 60
    with ground.fault(
        _STEM, "account", fires=_OLD, of=of, venue=of, age_seconds=age, missed=True, bot=of
    ) as seen:
        mismatch = {"TradingBotPositionMismatch"}
        rules.judge(seen.during, seen.before, "position_mismatch", mismatch)
    rules.judge(seen.after, seen.before, "position_mismatch", ())
