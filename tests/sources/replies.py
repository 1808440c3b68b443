"""Answers for httpx.MockTransport that are read as a stream, like real ones."""

import json
from collections.abc import Mapping
from typing import Any

import httpx


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """Return an unread response; text and bytes go as they are, anything else as JSON."""
    if isinstance(body, str):
        content = body.encode()
    else:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, stream=httpx.ByteStream(content), headers=headers)
