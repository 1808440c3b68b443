"""The simulator's signatures and time rule against the exchange's documentation."""

from decimal import Decimal

import pytest

from tests.sim.signing import make_keys, read_parameters, sign, time_complaint

_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
_PAYLOAD = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1"
    "&price=0.1&recvWindow=5000&timestamp=1499827319559"
)
_SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


def test_the_documentation_s_example_has_the_documentation_s_signature() -> None:
    """The published key, payload and signature agree."""
    assert sign(_SECRET, _PAYLOAD) == _SIGNATURE


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"{_PAYLOAD}&signature={_SIGNATURE}", ""),
        ("", f"{_PAYLOAD}&signature={_SIGNATURE}"),
        (_PAYLOAD[:40], f"{_PAYLOAD[40:]}&signature={_SIGNATURE}"),
        (f"signature={_SIGNATURE}&{_PAYLOAD}", ""),
    ],
    ids=["query", "body", "split", "first"],
)
def test_the_payload_is_query_and_body_without_the_signature(query: str, body: str) -> None:
    """Wherever the parameters are sent, the signed text is the same."""
    parameters = read_parameters(query, body)
    assert (parameters.payload, parameters.signature) == (_PAYLOAD, _SIGNATURE)


def test_the_query_wins_over_the_body() -> None:
    """A parameter in both places counts as in the query."""
    assert read_parameters("symbol=A", "symbol=B&side=BUY").values == {"symbol": "A", "side": "BUY"}


@pytest.mark.parametrize(
    ("age_ms", "complaint"),
    [
        (-1000, "was 1000ms ahead of the server's time."),
        (-999, None),
        (0, None),
        (5000, None),
        (5001, "is outside of the recvWindow."),
    ],
)
def test_the_time_rule_is_exact_at_its_boundaries(age_ms: int, complaint: str | None) -> None:
    """999 ms ahead and 5000 ms old pass; one more millisecond does not."""
    found = time_complaint(Decimal(10_000 - age_ms), 10_000, Decimal(5000))
    assert found == (complaint and f"Timestamp for this request {complaint}")


def test_keys_follow_from_the_seed_and_only_the_exporter_s_may_not_trade() -> None:
    """The same seed gives the same three keys; another gives others."""
    keys = make_keys(7)
    assert keys == make_keys(7)
    assert keys != make_keys(8)
    assert {role: key.can_trade for role, key in keys.items()} == {
        "bot": True,
        "exporter": False,
        "remediation": True,
    }
