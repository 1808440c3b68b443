"""JSON as the standard has it: what other readers may see differently is refused."""

import json
import math
from typing import Any, NoReturn

from remediation.errors import PayloadError


def decode(body: bytes) -> Any:
    """Decode a request body.

    Refused besides bad syntax: a key written twice, NaN and infinities, text that
    is not UTF-8 or cannot be written back as UTF-8, and nesting without end.

    Raises:
        PayloadError: 400, with the reason.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PayloadError(400, f"not UTF-8 text: byte {error.start}") from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        # Lone surrogates decode, but neither SQLite nor a file can keep them.
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise PayloadError(400, "not JSON: nested too deeply") from error
    except UnicodeEncodeError as error:
        raise PayloadError(400, "not JSON: a text holds half a surrogate pair") from error
    except ValueError as error:
        raise PayloadError(400, f"not JSON: {error}") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice!r:.60} is written twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.40} is too large for a number")
    return number
