"""Do the bot's own positions agree with the exchange's? Judgement only, no input or output.

The definition is section 5 of the facts on trading. A mismatch is claimed only of complete,
fresh data, of a position that no own order is moving, for a difference beyond what rounding
and fees explain, and after it was seen repeatedly.

``symbols``  one spelling per instrument
``sample``   one look at both sides, and the terms it is judged by
``align``    a sample as pairs of quantities that mean the same thing
``spot``     the same for balances, which are no positions
``verdict``  one pair: in what way do the two quantities differ, if at all?
``quiet``    is an own order moving this pair now?
``history``  repeated samples: match, pending, mismatch or unknown
``one_pass`` the same pairs and verdicts without a history, for a person and for a gate
"""

from exporter.reconcile.history import History, compare, suspects
from exporter.reconcile.one_pass import differences
from exporter.reconcile.sample import BotSide, ExchangeSide, Neighbour, Sample, Terms

__all__ = [
    "BotSide",
    "ExchangeSide",
    "History",
    "Neighbour",
    "Sample",
    "Terms",
    "compare",
    "differences",
    "suspects",
]
