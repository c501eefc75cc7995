"""How many examples the property tests of the event engine try: few in the suite, more where there is time."""

from __future__ import annotations

import os
from typing import Any, Final

from hypothesis import HealthCheck, Phase, settings

FACTOR: Final = float(os.environ.get("TEST_EXAMPLES", "1"))
"""Times as many examples: `TEST_EXAMPLES=20` tries twenty times as many."""


LASTING: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""The phases for examples that fail after a long wait: to look for the smallest one would take hours."""


def examples(number: int, **options: Any) -> settings:
    """About so many examples, each of which may take its time; fixtures serve all of them."""
    return settings(
        max_examples=max(round(number * FACTOR), 1),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        **options,
    )
