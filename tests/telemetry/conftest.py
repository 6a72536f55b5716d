"""Every test of this folder may record."""

import pytest

from tests.fakes.recording import recording


@pytest.fixture
def recorded():
    """What is recorded while the test runs."""
    with recording() as one:
        yield one
