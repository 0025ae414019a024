from dataclasses import replace

import numpy as np
import pytest

from comogen_demo.world import counterfactual_pair, sample_scene
from comogen_demo.world.scene import (
    MAX_OBJECTS,
    clashing,
    held_out,
    project,
    unproject,
)

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def scenes():
    return {split: [sample_scene(split, i) for i in range(300)] for split in SPLITS}


def test_a_scene_follows_from_its_split_and_index_alone(scenes):
    for split in SPLITS:
        assert sample_scene(split, 17) == scenes[split][17]
    assert len({repr(replace(s, split="", index=0)) for split in SPLITS for s in scenes[split]}) == 900
    assert counterfactual_pair("test", 5) == counterfactual_pair("test", 5)


def test_no_scene_outside_of_the_splits():
    for split, index in (("training", 0), ("test", -1)):
        with pytest.raises(ValueError, match="no scene"):
            sample_scene(split, index)


def test_held_out_combinations_occur_in_the_test_split_only(scenes):
    held = {split: sum(any(map(held_out, s.objects)) for s in scenes[split]) for split in SPLITS}
    assert held["train"] == held["val"] == 0
    assert 15 <= held["test"] <= 90


def test_scenes_have_objects_to_control_and_to_push(scenes):
    for scene in scenes["train"]:
        assert 1 <= len(scene.objects) <= MAX_OBJECTS
        assert 1 <= len(scene.controlled) <= 2
        assert not clashing([o.colour for o in scene.objects])
        for i, one in enumerate(scene.objects):
            px, py, _ = project(scene.camera, np.array([one.x, one.y, 0.0]), 1)
            assert 0 < px < 1 and 0 < py < 1
            for other in scene.objects[:i]:
                assert np.hypot(one.x - other.x, one.y - other.y) > one.size + other.size
    kinds = [o.drive.kind for s in scenes["train"] for o in s.objects if o.drive]
    assert 0.35 < kinds.count("kinematic") / len(kinds) < 0.65
    assert {len(s.objects) for s in scenes["train"]} == {1, 2, 3, 4, 5}
    assert any(len(s.controlled) == 2 for s in scenes["train"])


def test_pixels_and_table_are_inverse():
    camera = sample_scene("test", 0).camera
    x, y = unproject(camera, 37.5, 80.25, 128)
    assert np.allclose(project(camera, np.array([x, y, 0.0]), 128)[:2], [37.5, 80.25])
