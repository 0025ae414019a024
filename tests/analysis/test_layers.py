"""Layers scored: what a model is shown, the same for every family of backbones, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from comogen_demo.analysis.examples import make_example, places_of
from comogen_demo.analysis.layers import attention_maps, find_motion_layers, score_layers
from comogen_demo.errors import UserError
from comogen_demo.model import build_backbone
from comogen_demo.world.scene import FRAMES
from tests.backbones.families import FAMILIES, encoded
from tests.tiny import TINY


def maps_of(backbone, given, steps):
    """(steps, blocks, 2, N)."""
    return np.stack([maps for _, maps in attention_maps(backbone, given, steps)])


JOINT = ["hunyuan", "hunyuan-33ch", "cogvideox"]


def example(backbone, seed=0):
    """A video of noise with a square in it; the words "red cube" are tokens 2 to 4."""
    words = ("", "the", "red", "cube", "cube", *[""] * 6)
    prompt = encoded(backbone, 1, encoded(backbone, 2))
    backbone.encode_prompt = lambda text, frame: replace(prompt, words=words)
    frames = np.random.default_rng(seed).integers(0, 255, (9, 32, 32, 3), dtype=np.uint8)
    masks = np.zeros((9, 32, 32), bool)
    masks[:, 8:24, 8:24] = True
    latents = torch.randn_like(backbone.begin(frames[0], prompt, 1, 0).latents)
    return make_example(backbone, frames, masks, "the red cube", ("red", "cube"), latents, seed)


@pytest.mark.parametrize("family", JOINT)
def test_large_backbones_are_scored_like_the_embedded_one(family):
    backbone = FAMILIES[family]()
    found = score_layers(backbone, [example(backbone, seed) for seed in (0, 1)], steps=2)
    assert found.values.shape == (2, 2, len(backbone.blocks), 3)
    assert (found.values > 0).all() and (found.values < 1).all()
    assert found.floors == pytest.approx([0.25] * 2)
    assert found.sigmas[0] == pytest.approx(1, abs=1e-3) and 0 < found.sigmas[1] < 1


@pytest.mark.parametrize("family", JOINT)
def test_with_guidance_the_maps_are_the_prompts(family):
    backbone = FAMILIES[family]()
    given = example(backbone)
    maps = maps_of(backbone, given, 1)
    other = replace(given, prompt=replace(given.prompt, negative=encoded(backbone, 7)))
    assert np.allclose(maps, maps_of(backbone, other, 1), atol=1e-6)
    other = replace(given, prompt=replace(given.prompt, embeds=encoded(backbone, 7).embeds))
    assert not np.allclose(maps, maps_of(backbone, other, 1), atol=1e-6)


@pytest.mark.parametrize("family", JOINT)
def test_the_model_sees_the_true_video_noised(family):
    """At the first step there is noise alone, whatever the video; later the video shows."""
    backbone = FAMILIES[family]()
    given = example(backbone)
    other = replace(given, latents=given.latents + 1)
    one, two = (maps_of(backbone, e, 2) for e in (given, other))
    first, second = np.abs(one - two).max((1, 2, 3))
    assert first < 1e-6 and second > 1e-5


def test_a_backbone_without_joint_attention_is_refused():
    backbone = FAMILIES["wan"]()
    with pytest.raises(UserError, match="wan cannot be scored"):
        score_layers(backbone, [example(FAMILIES["hunyuan"]())])


def test_the_subjects_places_are_its_words_first_tokens():
    words = ("", "the", "red", "cube", "cube", "and", "the", "blue", "cube")
    assert places_of(words, ("red", "cube")) == [2, 3, 4]
    with pytest.raises(UserError, match=r"no word 'sphere'.*the, red, cube, and, blue"):
        places_of(words, ("sphere",))


def test_the_embedded_backbone_is_scored_on_the_world():
    backbone = build_backbone(replace(TINY, frames=FRAMES), dtype=torch.float32)
    found = find_motion_layers(backbone, "val", 2, steps=2)
    assert len(found["scores"]) == 3
    for low, score, high in zip(found["low"], found["scores"], found["high"], strict=True):
        assert 0 < low <= score <= high < 1
    assert 0 < found["floor"] < 0.5
