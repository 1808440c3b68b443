"""One spelling per instrument; assets behind a symbol where no rules are known."""

import re

_SEPARATORS = re.compile(r"[-/_]")
_QUOTES = (
    "USDT",
    "USDC",
    "FDUSD",
    "TUSD",
    "BUSD",
    "USD1",
    "USD",
    "EUR",
    "TRY",
    "BTC",
    "ETH",
    "BNB",
)


def plain(symbol: str) -> str:
    """Return the exchange's own spelling of what client libraries write in theirs.

    ``BTC/USDT:USDT`` is ``BTCUSDT``, ``BTC/USD`` is ``BTCUSD``; a delivery date stays, since
    ``BTC/USDT:USDT-270326`` is another contract than the perpetual one.
    """
    pair, _, settlement = symbol.partition(":")
    _, _, delivery = settlement.partition("-")
    return _SEPARATORS.sub("", pair + delivery).upper()


def split(symbol: str) -> tuple[str, str]:
    """Return base and quote asset of a plain symbol by the usual quotes.

    Without one of them at its end it is an asset by itself, and the quote is empty.
    """
    quote = next((q for q in _QUOTES if symbol.endswith(q) and symbol != q), "")
    return symbol.removesuffix(quote) if quote else symbol, quote
