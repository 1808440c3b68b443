"""What a message of a combined public stream says (facts on trading, section 1.7)."""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Kind(enum.StrEnum):
    """What a message is."""

    DATA = "data"
    ACKNOWLEDGEMENT = "acknowledgement"
    SHUTDOWN = "shutdown"
    REFUSAL = "refusal"
    NONSENSE = "nonsense"


@dataclass(frozen=True)
class Event:
    """One message: its kind, the stream that it is data of, and words for a person."""

    kind: Kind
    stream: str = ""
    detail: str = ""


def read_event(message: str | bytes, symbols: Mapping[str, str]) -> Event:
    """Tell data of one of our streams from everything else.

    Args:
        message: as received.
        symbols: each stream's symbol, which its data must name.
    """
    try:
        body = json.loads(message)
    except (ValueError, RecursionError):
        return _nonsense(message)
    if not isinstance(body, dict):
        return _nonsense(message)
    data = body.get("data", body)
    if isinstance(data, dict) and data.get("e") == "serverShutdown":
        return Event(Kind.SHUTDOWN, detail="the exchange announces that it will end the stream")
    if isinstance(error := body.get("error", body), dict) and "code" in error:
        return Event(Kind.REFUSAL, detail=_short(error.get("msg")))
    if "result" in body and "id" in body:
        return Event(Kind.ACKNOWLEDGEMENT)
    stream = body.get("stream")
    if isinstance(stream, str) and stream in symbols and _names(data, symbols[stream]):
        return Event(Kind.DATA, stream)
    return _nonsense(message)


def _names(data: Any, symbol: str) -> bool:
    return isinstance(data, dict) and data.get("s") == symbol


def _nonsense(message: str | bytes) -> Event:
    return Event(Kind.NONSENSE, detail=f"a message that is no event: {_short(message)}")


def _short(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return " ".join(text[:200].split())[:100]
