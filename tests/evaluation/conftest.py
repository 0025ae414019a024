import pytest

from comogen_demo.evaluation.cases import make_case


@pytest.fixture(scope="session")
def small_cases():
    """The first two cases of the test split at 48 x 48 pixels."""
    return [make_case("test", index, 48) for index in range(2)]
