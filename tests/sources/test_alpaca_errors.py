"""The broker's answers with and without a code to reasons."""

from typing import Any

import httpx
import pytest

from exporter.errors import Reason, SourceError
from exporter.sources.exchange.alpaca_errors import silence, usage
from exporter.sources.exchange.rate_limits import Silence, Usage
from exporter.sources.transport import Response
from tests.sim.faults.api_key import ApiKey
from tests.sim.simulator import Simulator
from tests.sources.replies import reply
from tests.sources.venues import KEY, alpaca, sim_exchange

_DATE = "Tue, 24 Nov 2026 06:00:00 GMT"
_RESET = "1795500030"


def _error(code: int | None, message: str) -> dict[str, Any]:
    return {"message": message} if code is None else {"code": code, "message": message}


def _failure(status: int, body: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        alpaca(lambda _: reply(body, status)).check_key()
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "reason", "permanent"),
    [
        (401, _error(40110000, "request is not authorized"), Reason.KEY_REJECTED, True),
        (401, _error(None, "unauthorized"), Reason.KEY_REJECTED, True),
        (401, "", Reason.KEY_REJECTED, True),
        (403, _error(None, "forbidden."), Reason.KEY_REJECTED, True),
        (403, _error(40310000, "request is not authorized"), Reason.KEY_REJECTED, True),
        (403, _error(40310000, "access key verification failed"), Reason.KEY_REJECTED, True),
        (403, _error(40310000, "insufficient buying power"), Reason.REJECTED, True),
        (403, _error(40310000, "potential wash trade detected"), Reason.REJECTED, True),
        (403, _error(40310000, "new orders are rejected by user request"), Reason.REJECTED, True),
        (403, "<html>waf</html>", Reason.FIREWALL, False),
        (404, _error(40410000, "order not found for x"), Reason.MISSING, True),
        (404, _error(None, "endpoint not found."), Reason.HTTP_STATUS, False),
        (404, "<html>", Reason.HTTP_STATUS, False),
        (422, _error(42210000, "invalid after"), Reason.REJECTED, False),
        (422, _error(40010001, "invalid status"), Reason.REJECTED, False),
        (429, _error(42910000, "rate limit exceeded"), Reason.RATE_LIMITED, False),
        (429, _error(None, "too many requests."), Reason.RATE_LIMITED, False),
        (429, "slow down", Reason.RATE_LIMITED, False),
        (451, _error(0, "restricted"), Reason.RESTRICTED_LOCATION, True),
        (500, _error(50010000, "internal server error occurred"), Reason.SERVER_ERROR, False),
        (503, _error(None, "Scheduled Maintenance"), Reason.MAINTENANCE, False),
        (502, "<html>bad gateway</html>", Reason.SERVER_ERROR, False),
        (504, "", Reason.SERVER_ERROR, False),
        (302, "", Reason.HTTP_STATUS, False),
        (200, "<html>login</html>", Reason.BAD_RESPONSE, False),
        (200, "", Reason.BAD_RESPONSE, False),
        (200, '{"status": NaN}', Reason.BAD_RESPONSE, False),
        (200, b"\xff", Reason.BAD_RESPONSE, False),
        (207, [], Reason.HTTP_STATUS, False),
        (400, {"code": "40010000", "message": 5}, Reason.HTTP_STATUS, False),
    ],
)
def test_each_answer_has_its_reason(
    status: int, body: Any, reason: Reason, permanent: bool
) -> None:
    """One code stands for many things, and some answers have none."""
    failure = _failure(status, body)
    assert failure.reason is reason
    assert failure.permanent is permanent
    if isinstance(body, dict) and isinstance(body.get("code"), int):
        assert failure.code == body["code"]


def test_an_error_that_echoes_the_key_is_redacted() -> None:
    """What the broker says is passed on without the key in it."""
    hidden = (KEY.key.reveal(), KEY.secret.reveal())
    failure = _failure(401, _error(40110000, f"{' and '.join(hidden)} are wrong"))
    assert not any(secret in str(failure) for secret in hidden)
    assert "<secret>" in str(failure)


def _response(status: int, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, httpx.Headers(named), b"")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0"}, 1.0),
        ({"retry_after": "soon"}, 60.0),
        ({"retry_after": "99999999"}, 3600.0),
        ({"x_ratelimit_reset": _RESET, "date": _DATE}, 30.0),
        ({"x_ratelimit_reset": "1", "date": _DATE}, 1.0),
        ({"x_ratelimit_reset": _RESET}, 60.0),
        ({}, 60.0),
    ],
)
def test_how_long_a_429_wants_silence(headers: dict[str, str], seconds: float) -> None:
    """Retry-After, else when the limit is reset by the broker's own clock, else a minute."""
    assert silence(_response(429, **headers)) == Silence(seconds, Reason.RATE_LIMITED)
    assert silence(_response(418, **headers)) == Silence(seconds, Reason.BANNED)
    assert silence(_response(200, **headers)) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {
                "x_ratelimit_limit": "200",
                "x_ratelimit_remaining": "150",
                "x_ratelimit_reset": _RESET,
                "date": _DATE,
            },
            Usage(50, 200, 30.0),
        ),
        ({"x_ratelimit_limit": "200", "x_ratelimit_remaining": "150"}, Usage(50, 200, 60.0)),
        ({"x_ratelimit_limit": "200"}, None),
        ({"x_ratelimit_limit": "0", "x_ratelimit_remaining": "0"}, None),
        ({"x_ratelimit_limit": "many", "x_ratelimit_remaining": "-1"}, None),
        ({"x_ratelimit_limit": "200", "x_ratelimit_remaining": "300"}, Usage(0, 200, 60.0)),
        ({}, None),
    ],
)
def test_what_a_key_has_used(headers: dict[str, str], expected: Usage | None) -> None:
    """Headers that are not understood say nothing."""
    assert usage(_response(200, **headers)) == expected


@pytest.mark.parametrize("kind", ["key_format", "rejected", "signature", "unknown"])
def test_each_trouble_of_a_key_shows_and_goes(simulator: Simulator, kind: Any) -> None:
    """However the broker words it."""
    with sim_exchange(simulator, "alpaca") as exchange:
        exchange.check_key()
        undo = ApiKey(role="exporter", kind=kind).inject(simulator.world)
        with pytest.raises(SourceError) as caught:
            exchange.check_key()
        assert caught.value.reason is Reason.KEY_REJECTED
        undo()
        exchange.check_key()
