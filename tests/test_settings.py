"""The ranges of the settings."""

import math

import pytest

from comogen_demo.errors import UserError
from comogen_demo.settings import Settings


@pytest.mark.parametrize(
    "settings", [Settings(), Settings(1, 0, "constant", 0), Settings(100, 2, "cosine", 2**32 - 1)]
)
def test_the_ends_of_the_ranges_are_allowed(settings):
    settings.validate()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"steps": 0}, "0 steps"),
        ({"steps": 101}, "101 steps"),
        ({"steps": 2.5}, r"2\.5 steps"),
        ({"strength": -0.1}, r"Strength -0\.1"),
        ({"strength": 2.1}, r"Strength 2\.1"),
        ({"strength": math.nan}, "Strength nan"),
        ({"schedule": "linear"}, "no schedule 'linear'"),
        ({"seed": -1}, "Seed -1"),
        ({"seed": 2**32}, "Seed 4294967296"),
    ],
)
def test_everything_else_is_refused(values, says):
    with pytest.raises(UserError, match=says):
        Settings(**values).validate()
