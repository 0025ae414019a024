"""The page as it is sent to a browser, without one."""

import json

import pytest

from comogen_demo.ui.page import build
from comogen_demo.ui.parts import Part
from comogen_demo.ui.studio import Studio
from tests.ui.fake import FakeEngine


@pytest.fixture(scope="module")
def page():
    return build(Studio(FakeEngine()))


def test_our_parts_are_sent_as_plain_data(page):
    """Gradio copies what it sends with all that hangs on it: a handler there is a copy of the studio at each visit."""
    parts = [one for one in page.blocks.values() if isinstance(one, Part)]
    assert len(parts) == 6
    for one in parts:
        json.dumps(one.get_config())


def test_an_idle_server_looks_for_events_a_hundred_times_a_second_at_most(page):
    assert page._queue.sleep_when_free >= 0.01
