from dataclasses import replace

import numpy as np
import pytest

from comogen_demo.world import first_frame, make_clip, render, sample_scene
from comogen_demo.world.physics import States, rest
from comogen_demo.world.scene import Camera, ObjectSpec, SceneSpec, project


@pytest.fixture(scope="module")
def clip():
    """Five objects, some behind others, of which one is driven."""
    return make_clip("test", 18, 64)


def test_shapes_and_determinism(clip):
    number = len(clip.scene.objects)
    assert clip.frames.shape == (25, 64, 64, 3) and clip.frames.dtype == np.uint8
    assert clip.visible.shape == clip.amodal.shape == (25, number, 64, 64)
    assert clip.controlled == clip.scene.controlled
    again = render(clip.scene, States(clip.states.position[:2], clip.states.quaternion[:2], ()), 64)
    assert np.array_equal(again.frames, clip.frames[:2]) and np.array_equal(again.visible, clip.visible[:2])


def test_visible_masks_lie_within_the_whole_outlines_and_exclude_each_other(clip):
    assert not (clip.visible & ~clip.amodal).any()
    hidden = (clip.amodal & ~clip.visible).sum((0, 2, 3))
    assert hidden.max() > 100  # the scene has occlusions, or this test would show nothing
    assert clip.visible.sum(1).max() <= 2  # two halves of a pixel on the border


def test_an_object_with_nothing_near_it_is_wholly_visible():
    one = SceneSpec(
        (ObjectSpec("cube", "red", True, 0.4, -1.0, 0.0), ObjectSpec("sphere", "blue", False, 0.4, 1.2, 0.0))
    )
    both = render(one, rest(one), 96)
    assert np.array_equal(both.visible, both.amodal)
    alone = replace(one, objects=one.objects[:1])
    assert np.array_equal(render(alone, rest(alone), 96).amodal[0, 0], both.amodal[0, 0])


def test_the_outline_is_that_of_the_object_alone():
    front, back = (
        ObjectSpec("cube", "red", False, 0.45, 0.0, -0.6),
        ObjectSpec("sphere", "blue", False, 0.45, 0.0, 0.6),
    )
    both = SceneSpec((front, back))
    alone = SceneSpec((back,))
    shot, single = render(both, rest(both), 96), render(alone, rest(alone), 96)
    assert np.array_equal(shot.amodal[0, 1], single.visible[0, 0])
    assert shot.visible[0, 1].sum() < 0.95 * shot.amodal[0, 1].sum()
    assert np.array_equal(shot.visible[0, 0], shot.amodal[0, 0])


def test_a_sphere_is_seen_where_the_camera_projects_it():
    ball = SceneSpec((ObjectSpec("sphere", "green", False, 0.42, 0.3, -0.2),), Camera())
    mask = render(ball, rest(ball), 128).visible[0, 0]
    rows, columns = np.nonzero(mask)
    x, y, _ = project(ball.camera, np.array([0.3, -0.2, 0.42]), 128)
    assert columns.mean() + 0.5 == pytest.approx(x, abs=0.4)
    assert rows.mean() + 0.5 == pytest.approx(y, abs=0.4)


def test_the_first_frame_needs_no_physics_and_is_the_clips(clip):
    frame, masks = first_frame(clip.scene, 64)
    assert np.array_equal(frame, clip.frames[0])
    assert np.array_equal(masks, clip.visible[0])


def test_sizes_show_the_same_scene():
    scene = sample_scene("test", 2)
    small, large = (first_frame(scene, size) for size in (128, 256))
    assert small[0].shape == (128, 128, 3) and large[0].shape == (256, 256, 3)
    halved = large[1].reshape(-1, 128, 2, 128, 2).mean((2, 4)) >= 0.5
    assert ((halved & small[1]).sum((1, 2)) / (halved | small[1]).sum((1, 2))).min() > 0.95
    shrunk = large[0].reshape(128, 2, 128, 2, 3).mean((1, 3))
    assert np.abs(shrunk - small[0]).mean() < 1.5
    for size in (16, 2048):
        with pytest.raises(ValueError, match="32 to 1024"):
            render(scene, rest(scene), size)


def test_objects_are_colourful_and_the_table_is_dull():
    frame, masks = first_frame(sample_scene("test", 18), 128)
    value = frame.max(-1).astype(float)
    saturation = (value - frame.min(-1)) / np.maximum(value, 1)
    assert saturation[~masks.any(0)].mean() < 0.2
    for mask in masks:
        assert np.median(saturation[mask]) > 0.5
