"""The same pairs and verdicts from one pass, without a history.

For a bot that is stopped or contained, and for a person: anything that does not match, or
cannot be compared, is a line.
"""

from collections.abc import Iterable

from exporter.config import Bot
from exporter.readings import AccountReading, Difference, PositionsFileReading, SymbolRules
from exporter.reconcile.align import align
from exporter.reconcile.sample import BotSide, ExchangeSide, Neighbour, Sample, Terms
from exporter.reconcile.verdict import Pair, judge


def differences(
    local: PositionsFileReading,
    account: AccountReading,
    bot: Bot,
    *,
    sharing: Iterable[Bot] = (),
    others: Iterable[PositionsFileReading] = (),
    rules: Iterable[SymbolRules] = (),
) -> tuple[str, ...]:
    """Return one line per position that does not agree; empty when all do.

    ``sharing`` are the other bots on the account, ``others`` are their files in the same order.
    Without ``rules`` nothing is rounded away.
    """
    sharing = tuple(sharing)
    files = (Neighbour.of(*pair) for pair in zip(sharing, others, strict=True))
    sample = Sample(
        terms=Terms.of(bot, rules=rules, sharing=sharing),
        at=0.0,
        wall=0.0,
        bot=BotSide(local, 0.0, tuple(files)),
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
