import numpy as np
import pytest

from comogen_demo.evaluation.segment import scene_colours, segment
from comogen_demo.world import make_clip, render, sample_scene
from comogen_demo.world.physics import rest as rest_states

from .discs import draw, line, rest, smeared


def overlap(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)


def scores(clip, masks):
    return [
        overlap(found, mask)
        for t in range(len(masks))
        for found, mask in zip(masks[t], clip.visible[t], strict=True)
        if mask.sum() >= 40 * (mask.shape[0] / 128) ** 2
    ]


@pytest.fixture(scope="module")
def crowded():
    """Five small objects, one behind another."""
    return make_clip("test", 18, 128)


def test_agrees_with_the_exact_masks_of_a_crowded_clip(crowded):
    values = scores(crowded, segment(crowded.frames, scene_colours(crowded.frames, crowded.visible)))
    assert np.mean(values) >= 0.95
    assert min(values) >= 0.85


def test_a_blurred_clip_still_shows_every_object(crowded):
    found = segment(smeared(crowded.frames), scene_colours(crowded.frames, crowded.visible))
    assert np.mean(scores(crowded, found)) >= 0.91


@pytest.mark.parametrize("size", [128, 256])
def test_agrees_with_the_exact_masks_of_still_scenes(size):
    values = []
    for index in range(10):
        scene = sample_scene("test", index)
        clip = render(scene, rest_states(scene), size)
        values += scores(clip, segment(clip.frames, scene_colours(clip.frames, clip.visible)))
    assert len(values) >= 20
    assert np.mean(values) >= 0.975


def test_highlights_are_filled():
    frames, visible, _ = draw([rest((60, 60), 2)])
    holed = frames.copy()
    holed[:, 56:59, 58:62] = 250
    found = segment(holed, scene_colours(frames, visible))
    assert overlap(found[:, 0], visible[:, 0]) == 1


def test_an_object_seen_on_both_sides_of_another_keeps_both_parts():
    frames, visible, _ = draw([rest((60, 60), 2), rest((60, 60), 2)])
    strip = np.zeros((128, 128), bool)
    strip[40:80, 56:64] = True
    frames[:, strip & visible[0, 1]] = (210, 40, 40)
    found = segment(frames, scene_colours(*draw([rest((20, 20), 2), rest((60, 60), 2)])[:2]))
    assert found[0, 1, 60, 53] and found[0, 1, 60, 66]
    assert not found[0, 1, 60, 60] and found[0, 0, 60, 60]


def test_an_object_never_seen_is_never_found():
    frames, visible, _ = draw([line((30, 30), (90, 30)), rest((60, 90))])
    visible[:, 1] = False
    colours = scene_colours(frames, visible)
    assert list(colours.known) == [True, False]
    assert not segment(frames, colours)[:, 1].any()
