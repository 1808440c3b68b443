"""What becomes of an honest answer when every field of it lies: JSON in, JSON out."""

import json
from collections.abc import Callable
from typing import Any

_HUGE = "0.123456789"  # stands for a number that JSON can spell and json.dumps cannot
_MANY = 3000


def each(leaf: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    """Change every value that is neither an object nor a list."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: walk(item) for name, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else leaf(value)

    return lambda body: json.dumps(walk(json.loads(body))).encode()


def _other_type(value: Any) -> Any:
    if isinstance(value, bool):
        return "true"
    if isinstance(value, str):
        return {"text": [value]}
    return [value] if value is not None else 0


def _huge(value: Any) -> Any:
    return value if isinstance(value, bool | None) else float(_HUGE)


def _spell_huge(body: bytes) -> bytes:
    return each(_huge)(body).replace(_HUGE.encode(), b"1e9999999")


def _in_text(addition: str) -> Callable[[Any], Any]:
    return lambda value: value + addition if isinstance(value, str) else value


def _lists_for_objects(body: bytes) -> bytes:
    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return [walk(item) for item in value.values()]
        return {"0": [walk(item) for item in value]} if isinstance(value, list) else value

    return json.dumps(walk(json.loads(body))).encode()


def _many(body: bytes) -> bytes:
    """Each list a thousand times over, each symbol and id in it another one."""

    def multiply(value: Any) -> Any:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return [_renamed(item, number) for number in range(_MANY) for item in value[:1]]
        if isinstance(value, dict):
            return {name: multiply(item) for name, item in value.items()}
        return value

    return json.dumps(multiply(json.loads(body))).encode()


def _renamed(item: dict[str, Any], number: int) -> dict[str, Any]:
    names = ("symbol", "asset", "clientOrderId", "client_order_id", "status", "id")
    return {
        name: f"{value}{number}" if name in names and isinstance(value, str) else value
        for name, value in item.items()
    }


# name -> how an answer is changed
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "other_types": each(_other_type),
    "nulls": each(lambda _: None),
    "negative": each(lambda value: -abs(value) if isinstance(value, int | float) else value),
    "spelled_nan": each(lambda value: "NaN" if isinstance(value, str | float | int) else value),
    "huge_numbers": _spell_huge,
    "half_characters": each(_in_text("\ud83d")),
    "injected_labels": each(_in_text('"} 1\n\\\x00\x1b[31m#{x="')),
    "long_text": each(_in_text("é" * 5000)),
    "lists_for_objects": _lists_for_objects,
    "many": _many,
}
