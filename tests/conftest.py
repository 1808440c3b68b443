"""Options of the whole test suite."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine takes its time, over an example as well as over making one up: both limits
# would judge the machine. What hangs is ended by pytest's own timeout.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one switch that rewrites golden files instead of comparing with them."""
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what the programs print now into tests/golden",
    )
