"""A stream connection's commands, whatever a client sends."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.sim.stream.subscription import Subscription, subscription_of

_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
_NAMES = st.sampled_from(["btcusdt@trade", "btcusdt@bookTicker", "ethusdt@depth", "x"])


@given(st.text() | st.binary() | _JSON.map(json.dumps))
def test_any_message_is_answered(message: str | bytes) -> None:
    """With an error or a result, never by an exception."""
    answer = Subscription("spot", combined=False, part="").command(message)
    assert ("error" in answer) is not ("result" in answer)


@given(
    st.dictionaries(st.sampled_from(["id", "method", "params"]), _JSON).map(json.dumps),
    st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"]),
)
def test_a_known_method_with_any_parameters_is_answered(text: str, method: str) -> None:
    """Wrong types are told from right ones."""
    message = json.dumps({**json.loads(text), "method": method, "id": 1})
    assert Subscription("spot", combined=False, part="").command(message)["id"] == 1


@given(st.lists(st.tuples(st.booleans(), st.sets(_NAMES))))
def test_subscriptions_are_a_set(steps: list[tuple[bool, set[str]]]) -> None:
    """What is listed is what was subscribed and not left since."""
    subscription, expected = Subscription("usdm", combined=True, part=""), set[str]()
    for number, (joins, names) in enumerate(steps):
        method = "SUBSCRIBE" if joins else "UNSUBSCRIBE"
        command = {"method": method, "params": sorted(names), "id": number}
        assert subscription.command(json.dumps(command)) == {"result": None, "id": number}
        expected = expected | names if joins else expected - names
    assert subscription.names == expected


@given(st.sets(_NAMES))
def test_every_stream_is_under_exactly_one_of_the_two_routes(names: set[str]) -> None:
    """USD-M's /public and /market share out the streams without a rest."""
    under = {
        part: subscription_of("usdm", f"/{part}/stream?streams={'/'.join(names)}")
        for part in ("public", "market")
    }
    public, market = under["public"], under["market"]
    assert public is not None
    assert market is not None
    assert public.names | market.names == names
    assert not public.names & market.names
