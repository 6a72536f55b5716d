"""How long hypothesis looks. The gate looks at the same examples every time, so that it fails for a change alone.

`make explore` (HYPOTHESIS_PROFILE=thorough) looks for new ones, at random and much longer; what it finds becomes a
test.
"""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.azurite"]

SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True, suppress_health_check=SLOW_IS_FINE)
settings.register_profile("thorough", max_examples=1500, deadline=None, suppress_health_check=SLOW_IS_FINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
