"""The same pairs and verdicts from one pass, without a history.

For a bot that is stopped or contained, and for a person: anything that does not match, or
cannot be compared, is a line. The venue's rules are not asked, so nothing is rounded away.
"""

from exporter.config import Bot
from exporter.readings import AccountReading, Difference, PositionsFileReading
from exporter.reconcile.align import align
from exporter.reconcile.sample import BotSide, ExchangeSide, Sample, Terms
from exporter.reconcile.verdict import Pair, judge


def differences(local: PositionsFileReading, account: AccountReading, bot: Bot) -> tuple[str, ...]:
    """Return one line per position that does not agree; empty when all do."""
    sample = Sample(
        terms=Terms.of(bot, rules=()),
        at=0.0,
        wall=0.0,
        bot=BotSide(local, 0.0),
        exchange=ExchangeSide(account.positions, 0.0),
        orders_after=account.open_orders,
    )
    return tuple(
        _line(pair) for pair in align(sample) if pair.note or judge(pair) is not Difference.NONE
    )


def _line(pair: Pair) -> str:
    name = pair.key.symbol if pair.key.side == "BOTH" else f"{pair.key.symbol} {pair.key.side}"
    if pair.note:
        return f"{name}: {pair.note} (it holds {pair.exchange:f})"
    return f"{name}: the bot says {pair.bot:f}, the exchange says {pair.exchange:f}"
