"""Generated tests judge the program and not the machine."""

from hypothesis import HealthCheck, settings


def test_no_generated_test_has_a_deadline() -> None:
    """A busy machine may take its time over an example, and over making one up."""
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
