"""Skipping blocks: what it does to a model, which blocks are drawn, and what the outcome says."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from comogen_demo.analysis.outcome import as_text, outcome
from comogen_demo.analysis.sets import draw, draw_matched, kind
from comogen_demo.analysis.skip import Skips, compare, skip_blocks, skipped
from comogen_demo.control.injection import Injection
from comogen_demo.control.layers import LayerChoice
from comogen_demo.model import build_adapter, build_backbone
from comogen_demo.settings import Settings
from comogen_demo.world.scene import FRAMES
from tests.tiny import TINY, tiny_model

DUAL, SINGLE = ("Dual", 100), ("Single", 40)


def velocity(backbone, residual=None, layers=()):
    latents = backbone.noise(0)
    with Injection(backbone.blocks, layers) as injection:
        injection.residual = residual
        return backbone.velocity(latents, 0.7, latents[:, :, :1], backbone.encode_prompt("the red cube"))


def test_a_skipped_block_might_as_well_not_be_there():
    backbone = tiny_model().backbone
    plain = velocity(backbone)
    with skipped(backbone.blocks, [2]):
        without = velocity(backbone)
    assert torch.equal(velocity(backbone), plain), "undone"
    assert all("forward" not in vars(block) for block in backbone.blocks)
    del backbone.denoiser.transformer.single_transformer_blocks[1]
    assert torch.equal(without, velocity(backbone)) and not torch.equal(without, plain)


def test_what_is_injected_before_a_skipped_block_stays():
    backbone = tiny_model().backbone
    residual = torch.randn(1, int(np.prod(backbone.token_grid)), backbone.token_width)
    with skipped(backbone.blocks, [1]):
        before_it, before_the_next = (velocity(backbone, residual, [layer]) for layer in (1, 2))
    assert torch.equal(before_it, before_the_next)


def test_it_is_undone_after_an_error_and_leaves_what_offloading_put_there():
    block = tiny_model().backbone.blocks[0]
    block.forward = wrapped = block.forward
    with pytest.raises(RuntimeError), skipped([block], [0]):
        raise RuntimeError
    assert block.forward is wrapped


def test_the_kind_of_a_block_knows_no_lora():
    plain, adapted = tiny_model().backbone.blocks, tiny_model(lora_rank=4).backbone.blocks
    assert [kind(block) for block in plain] == [kind(block) for block in adapted]
    assert kind(plain[0]) != kind(plain[1]) == kind(plain[2])


def test_the_papers_draw_takes_the_lowest_whatever_their_kind():
    scores = [0.1, 0.9, 0.2, 0.8, 0.3, 0.4]
    seen = Counter()
    for seed in range(50):
        motion, lowest = draw([1, 3], scores, 1, np.random.default_rng(seed))
        assert set(motion) < {1, 3}
        seen[lowest] += 1
    assert seen.keys() == {(0,), (2,)}, "as many as there are Motion Layers"
    assert draw([1, 3], scores, 3, np.random.default_rng(0)) == ((1, 3), (0, 2)), "no more than there are"


def test_matched_sets_have_the_same_kinds_and_are_the_lowest_of_them():
    kinds = [DUAL] * 4 + [SINGLE] * 6
    scores = [0.1, 0.9, 0.2, 0.8, 0.5, 0.7, 0.05, 0.01, 0.3, 0.02]
    motion = [1, 3, 5]
    for seed in range(30):
        chosen, counterpart = draw_matched(motion, scores, kinds, 2, np.random.default_rng(seed))
        assert len(chosen) == len(counterpart) == 2 and set(chosen) < set(motion)
        assert Counter(kinds[i] for i in chosen) == Counter(kinds[i] for i in counterpart)
        assert set(counterpart) <= {0, 2, 7}


def test_matched_sets_shrink_where_a_kind_has_too_few_blocks():
    kinds = [DUAL] * 2 + [SINGLE] * 3
    scores = [0.9, 0.8, 0.7, 0.1, 0.6]
    chosen, counterpart = draw_matched([0, 1, 2, 4], scores, kinds, 3, np.random.default_rng(0))
    assert len(chosen) == 1 and chosen[0] in (2, 4) and counterpart == (3,)
    assert draw_matched([0, 1], scores, kinds, 3, np.random.default_rng(0)) == ((), ())


def test_measures_leave_the_first_frame_out():
    masks = np.zeros((3, 40, 40), bool)
    masks[:, 10:20, 10:20] = True
    moved = masks.copy()
    moved[1:] = np.roll(moved[1:], 5, axis=2)
    j, f, both, track = compare(moved, masks)
    assert j == pytest.approx(50 / 150)
    assert both == pytest.approx((j + f) / 2)
    assert track == pytest.approx(6 / 19)
    assert compare(masks, masks) == pytest.approx([1] * 4)


def test_the_experiment_on_a_tiny_model():
    model = tiny_model()
    backbone = build_backbone(replace(TINY, frames=FRAMES), dtype=torch.float32)
    model = replace(
        model, backbone=backbone, module=backbone.denoiser, adapter=build_adapter(backbone, model.control)
    )
    choice = LayerChoice((1,), (0.1, 0.3, 0.2))
    runs = [
        list(skip_blocks(model, choice, "test", 2, Settings(steps=1), size=2, draws=1, control=control))
        for control in (False, False, True)
    ]
    for first, again in zip(*runs[:2], strict=True):
        assert np.array_equal(first.alone, again.alone), "the same noise, the same draws"
        assert first.alone.shape == (3, 4) and ((first.alone >= 0) & (first.alone <= 1)).all()
        assert first.drawn["matched"] == [((1,), (2,))]
        assert np.array_equal(first.sets["matched"][0], first.alone[[1, 2]])
    assert len(runs[2]) == 2


def scene(damage):
    """A scene in which skipping block l costs damage[l] of every measure, and sets cost the sum."""
    left = 1 - np.repeat(np.asarray(damage, float)[:, None], 4, 1)
    pair = ((2,), (0,))
    return Skips(
        left,
        {"paper": left[None, [2, 0]], "matched": np.zeros((1, 2, 4))},
        {"paper": [pair], "matched": [((), ())]},
    )


def test_the_outcome_of_scenes_with_a_known_answer():
    rng = np.random.default_rng(0)
    scenes = [scene(np.array([0.1, 0.2, 0.3, 0.4, 0.5]) + rng.normal(0, 0.01, 5)) for _ in range(8)]
    scores = np.repeat(np.array([1, 2, 3, 4, 5.0])[None, :, None], 6, 0).repeat(3, 2) + rng.normal(
        0, 0.1, (6, 5, 3)
    )
    scores[..., 2] *= -1
    found = outcome(scenes, scores, [DUAL] * 5)
    assert found["correlation"]["all"]["both"]["mean"] == 1
    assert found["correlation"]["all"]["t2v"]["mean"] == -1
    assert found["correlation"].keys() == {"all"}, "the one kind is all of them"
    assert found["alone"]["J&F"][3]["mean"] == pytest.approx(0.6, abs=0.02)
    assert found["sets"].keys() == {"paper"}, "nothing could be matched"
    assert found["sets"]["paper"]["difference"]["J"]["mean"] == pytest.approx(0.2, abs=0.02)
    text = as_text({**found, "motion_layers": [2], "kinds": [DUAL] * 5})
    assert "block 2 Motion Layer" in text and "paper, 1 blocks: lowest" in text
