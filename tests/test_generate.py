"""The generator's promises, on a tiny model with random weights."""

from dataclasses import replace

import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.generate import Result, Settings, Step, generate
from tests.tiny import tiny_model

FRAME = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
MASKS = np.zeros((9, 32, 32), bool)
for _t in range(9):
    MASKS[_t, 8:16, 4 + 2 * _t : 12 + 2 * _t] = True
SETTINGS = Settings(steps=4, seed=3)


def run(model, masks=MASKS, settings=SETTINGS, frame=FRAME, prompt="the red cube slides", previews=False):
    *steps, result = generate(model, frame, masks, prompt, settings, previews)
    return steps, result


def test_it_yields_every_step_and_then_the_result():
    steps, result = run(tiny_model(), previews=True)
    assert [s.index for s in steps] == [0, 1, 2, 3]
    assert all(isinstance(s, Step) and s.total == 4 and s.preview.shape == (9, 32, 32, 3) for s in steps)
    assert [s.weight for s in steps] == pytest.approx([1, 0.75, 0.25, 0])
    assert (
        isinstance(result, Result)
        and result.frames.shape == (9, 32, 32, 3)
        and result.frames.dtype == np.uint8
    )
    assert len(result.report.iou) == 9 and result.fps == 12.5


@pytest.mark.parametrize("rank", [0, 2])
def test_no_mask_and_strength_zero_are_the_base_model_bit_for_bit(rank):
    base = run(tiny_model(), masks=None)[1].frames  # no LoRA in this one at all
    model = tiny_model(lora_rank=rank)
    controlled = run(model)[1].frames
    assert np.array_equal(run(model, masks=None)[1].frames, base)
    assert np.array_equal(run(model, settings=replace(SETTINGS, strength=0.0))[1].frames, base)
    assert not np.array_equal(controlled, base)


def test_the_same_seed_gives_the_same_video_and_another_another():
    model = tiny_model()
    once = run(model)[1].frames
    assert np.array_equal(once, run(model)[1].frames)
    assert not np.array_equal(once, run(model, settings=replace(SETTINGS, seed=4))[1].frames)


def test_strength_schedule_masks_and_prompt_all_matter():
    model = tiny_model()
    once = run(model)[1].frames
    assert not np.array_equal(once, run(model, settings=replace(SETTINGS, strength=0.5))[1].frames)
    assert not np.array_equal(once, run(model, settings=replace(SETTINGS, schedule="constant"))[1].frames)
    assert not np.array_equal(once, run(model, masks=np.roll(MASKS, 8, 1))[1].frames)
    assert not np.array_equal(once, run(model, prompt="the blue sphere rolls")[1].frames)


def test_previews_do_not_change_the_result_and_a_stopped_run_leaves_no_hooks():
    model = tiny_model()
    assert np.array_equal(run(model)[1].frames, run(model, previews=True)[1].frames)
    stopped = generate(model, FRAME, MASKS, "the cube", SETTINGS)
    next(stopped)
    stopped.close()
    assert not any(block._forward_pre_hooks for block in model.backbone.blocks)


def test_the_first_frame_is_given_back_by_the_vae_alone():
    model = tiny_model()
    with_mask, without = run(model)[1].frames, run(model, masks=None)[1].frames
    assert np.array_equal(with_mask[0], without[0])


def test_larger_frames_and_masks_are_fitted():
    big = np.repeat(np.repeat(FRAME, 4, 0), 4, 1)
    masks = np.repeat(np.repeat(MASKS, 4, 1), 4, 2)
    assert np.array_equal(run(tiny_model(), masks=masks, frame=big)[1].frames, run(tiny_model())[1].frames)


def test_unknown_words_are_reported():
    assert run(tiny_model(), prompt="the red dragon flies")[1].unknown_words == ("dragon", "flies")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": Settings(steps=0)}, "0 steps"),
        ({"settings": Settings(steps=101)}, "101 steps"),
        ({"settings": Settings(strength=-0.1)}, "Strength -0.1"),
        ({"settings": Settings(strength=float("nan"))}, "Strength nan"),
        ({"settings": Settings(strength=2.5)}, "Strength 2.5"),
        ({"settings": Settings(schedule="linear")}, "schedule 'linear'"),
        ({"settings": Settings(seed=-1)}, "Seed -1"),
        ({"masks": MASKS[:5]}, "5 masks"),
        ({"masks": np.zeros_like(MASKS)}, "empty"),
        ({"masks": MASKS[:, :20]}, "32 x 20"),
        ({"frame": FRAME[:20], "masks": None}, "32 x 20"),
        ({"frame": FRAME[..., 0], "masks": None}, "shape"),
    ],
)
def test_bad_input_gets_one_sentence(change, words):
    with pytest.raises(UserError, match=words) as error:
        run(tiny_model(), **change)
    assert "\n" not in str(error.value)


DUAL = replace(SETTINGS, control="dual-clock")


def test_dual_clocks_show_the_reference_first_and_follow_it():
    model = tiny_model()
    steps, result = run(model, settings=DUAL, previews=True)
    assert [s.index for s in steps] == [-1, 1, 2, 3], "the first level lies above the weak clock"
    reference = steps[0].preview
    assert np.array_equal(reference[0], FRAME)
    assert np.array_equal(reference[5, 8:16, 14:22], FRAME[8:16, 4:12]), "the subject is at its mask"
    assert not np.array_equal(result.frames, run(model, masks=None)[1].frames)


def test_dual_clocks_at_strength_zero_are_the_base_model_bit_for_bit():
    model = tiny_model()
    without = replace(DUAL, strength=0.0)
    assert np.array_equal(run(model, settings=without)[1].frames, run(model, masks=None)[1].frames)


def test_dual_clocks_touch_no_block_and_no_lora():
    model = tiny_model(lora_rank=2)
    events = generate(model, FRAME, MASKS, "the cube", DUAL)
    next(events)
    assert not any(block._forward_pre_hooks for block in model.backbone.blocks)
    rankless = list(generate(tiny_model(), FRAME, MASKS, "the cube", DUAL, False))[-1]
    assert np.array_equal(list(events)[-1].frames, rankless.frames)


def test_subjects_of_their_own_are_cut_out_each():
    other = np.zeros_like(MASKS)
    other[:, 20:28, 20:28] = True
    steps, _ = run(tiny_model(), masks=np.stack([MASKS, other]), settings=DUAL)
    assert np.array_equal(steps[0].preview[5, 20:28, 20:28], FRAME[20:28, 20:28])
    assert np.array_equal(steps[0].preview[5, 8:16, 14:22], FRAME[8:16, 4:12])


def test_dual_clocks_leave_a_late_subject_out_and_say_so():
    late = np.zeros_like(MASKS)
    late[2:, 20:28, 20:28] = True
    _, alone = run(tiny_model(), settings=DUAL)
    _, both = run(tiny_model(), masks=np.stack([MASKS, late]), settings=DUAL)
    assert alone.left_out == () and both.left_out == (1,)
    assert np.array_equal(alone.frames, both.frames)


def test_dual_clocks_need_a_mask_in_the_first_frame():
    late = MASKS.copy()
    late[0] = False
    with pytest.raises(UserError, match="give it a mask in that frame"):
        run(tiny_model(), masks=late, settings=DUAL)
