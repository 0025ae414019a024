import pytest

from comogen_demo.world import caption, sample_scene
from comogen_demo.world.captions import VOCABULARY, direction_words

OUTCOMES = {"hits", "pushes", "knocks", "into", "against", "collides", "stops", "bounces", "then"}


@pytest.fixture(scope="module")
def scenes():
    return [sample_scene("train", i) for i in range(200)]


@pytest.mark.parametrize("directions", [True, False])
def test_captions_name_the_subjects_and_nothing_of_the_outcome(scenes, directions):
    for scene in scenes:
        text = caption(scene, directions)
        assert set(text.split()) <= set(VOCABULARY)
        assert not set(text.split()) & OUTCOMES
        for i, item in enumerate(scene.objects):
            assert (item.name in text) == (i in scene.controlled)
            if i not in scene.controlled:  # what reacts is not even hinted at
                assert item.colour not in text.split()


def test_without_directions_nothing_tells_where(scenes):
    where = {"left", "right", "away", "closer", "slowly", "quickly"}
    assert all(set(caption(s).split()) & where for s in scenes)
    assert not any(set(caption(s, directions=False).split()) & where for s in scenes)


def test_words_of_directions_in_the_picture():
    assert direction_words(1, 0) == "to the right"
    assert direction_words(0, -1) == "away"
    assert direction_words(-1, 1) == "closer to the left"
    assert direction_words(-1, 0.5, brief=True) == "to the left"
