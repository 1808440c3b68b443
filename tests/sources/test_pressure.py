"""Pressure stall information, in the kernel's format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.pressure import parse


def test_percent_become_shares() -> None:
    """Only the average over ten seconds: it rises and falls soonest."""
    text = (
        "some avg10=12.50 avg60=1.00 avg300=0.10 total=99\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
    )
    assert parse(text) == {"some": 0.125, "full": 0.0}


@pytest.mark.parametrize(
    "text", ["", "some", "some avg10=", "some avg10=nan total=0", "half avg10=1.00 avg60=0", "\0"]
)
def test_anything_else_says_nothing(text: str) -> None:
    """No pressure is not the same as none to be read."""
    assert parse(text) == {}


@given(st.text())
def test_a_share_is_never_outside_of_0_to_1(text: str) -> None:
    """Whatever the file holds."""
    assert all(0 <= share <= 1 for share in parse(f"some avg10={text} \n" + text).values())
