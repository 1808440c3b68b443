"""Have a bot's positions never been compared, rather than lost? Judgement only.

Either way they are unknown. But a key that nobody has configured, or a bot that has not traded
yet, is there to be set up, while a file or an account that was there and is gone is an emergency.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from exporter.config import Bot
from exporter.readings import PositionGap, PositionsFileReading
from exporter.reconcile import Terms, differences
from exporter.snapshot import BotSnapshot

_NOTHING = PositionsFileReading({}, 0.0)


def find_gap(item: BotSnapshot, bots: Iterable[BotSnapshot]) -> PositionGap | None:
    """Return why a bot's positions were never compared; None if they were, or could be.

    Args:
        item: the bot.
        bots: all of them: those on its account have files that count with its own.
    """
    if item.comparison is not None and not item.comparison.reason:
        return None
    if item.bot.venue.credentials.account_reader is None:
        return PositionGap.NO_KEY
    place, name = item.bot.venue.place, item.bot.name
    others = [bot for bot in bots if bot.bot.name != name and bot.bot.venue.place == place]
    if item.account is None or not any(map(_never_wrote, (item, *others))):
        return None
    own, *theirs = (_NOTHING if _never_wrote(one) else one.positions for one in (item, *others))
    readings = [reading for reading in theirs if reading is not None]
    if own is None or len(readings) < len(others):
        return None
    sharing = [other.bot for other in others]
    bot = _with_every_baseline(item, sharing)
    if bot is None:
        return None
    rules = item.rules or ()
    held = differences(own, item.account, bot, sharing=sharing, others=readings, rules=rules)
    return None if held else PositionGap.NO_FILE


def _with_every_baseline(item: BotSnapshot, sharing: Sequence[Bot]) -> Bot | None:
    """Return the bot with a baseline for each asset that is traded: none means that there is none.

    Without one whatever a spot account holds would agree with no file at all. None while nobody
    says what is traded there.
    """
    bot = item.bot
    terms = Terms.of(bot, item.rules, sharing)
    if not terms.is_spot:
        return bot
    if not terms.symbols:
        return None
    zero = dict.fromkeys(map(terms.name, terms.symbols | terms.others_symbols), "0")
    baselines = {asset.upper(): held for asset, held in bot.tolerances.spot_baselines.items()}
    tolerances = replace(bot.tolerances, spot_baselines={**zero, **baselines})
    return replace(bot, tolerances=tolerances)


def _never_wrote(item: BotSnapshot) -> bool:
    """Whether the bot's positions file has not been there since it is watched."""
    return item.polled and item.bot.paths.positions not in item.file_valid
