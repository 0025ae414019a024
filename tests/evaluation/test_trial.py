from dataclasses import replace

import numpy as np
import pytest

from comogen_demo.evaluation.cases import Case, make_cases
from comogen_demo.evaluation.methods import METHODS, Sampling, produce
from comogen_demo.evaluation.report import as_json, as_text, contact_sheet
from comogen_demo.evaluation.segment import scene_colours
from comogen_demo.evaluation.trial import GROUPS, Scores, run_trial
from comogen_demo.evaluation.truth import Truth
from comogen_demo.generate import Result, generate
from comogen_demo.settings import Settings

from ..tiny import tiny_model
from .discs import draw, line, rest

SUBJECT, PUSHED = line((30, 40), (90, 40)), line((100, 80), (70, 80))


def truth(tracks, kind="kinematic"):
    frames, visible, amodal = draw(tracks, size=32)
    return Truth(frames, visible, amodal, (0,), "the red sphere moves", kind, scene_colours(frames, visible))


def case(index, kind):
    pair = truth([SUBJECT, PUSHED]), truth([SUBJECT[::-1], rest((100, 80))])
    return Case(index, truth([SUBJECT, PUSHED], kind), pair)


@pytest.fixture(scope="module")
def sampling():
    return Sampling(tiny_model(), Settings(steps=2))


@pytest.fixture(scope="module")
def outcome(sampling):
    scores = Scores()
    cases = [case(0, "dynamic"), case(1, "kinematic"), case(2, "mixed")]
    shown = list(run_trial(cases, tuple(METHODS), sampling, 2, scores, show="control"))
    return scores, shown


def test_methods_see_what_they_should(sampling):
    known = case(0, "dynamic").truth
    seen = {method: produce(method, known, sampling, 5) for method in METHODS}
    for frames in seen.values():
        assert frames.shape == known.frames.shape and frames.dtype == np.uint8
    assert all(np.array_equal(frame, known.frames[0]) for frame in seen["static"])
    masks = known.masks()
    for method, given in (("base", None), ("control", masks)):
        settings = replace(sampling.settings, seed=5)
        *_, result = generate(sampling.model, known.frames[0], given, known.caption, settings, previews=False)
        assert isinstance(result, Result) and np.array_equal(seen[method], result.frames)
    assert not np.array_equal(seen["base"], seen["control"])
    assert not np.array_equal(seen["base"], produce("base", known, sampling, 6))
    brighter = replace(known, frames=np.minimum(known.frames, 150))
    assert not np.array_equal(seen["vae"], produce("vae", brighter, sampling, 5))
    with pytest.raises(ValueError, match="no method"):
        produce("magic", known, sampling, 0)


def test_methods_are_given_whole_outlines_unless_visible_ones_are_asked_for():
    hidden = truth([rest((60, 60)), line((100, 60), (60, 60))])
    assert hidden.masks()[-1].sum() > 0 and hidden.masks(amodal=False)[-1].sum() == 0


def test_seeds_are_clips_for_generated_methods_only(outcome):
    scores, _ = outcome
    assert {m: scores.scenes[m][0].clips.clips for m in METHODS} == {
        **{"static": 1, "vae": 1, "warp": 1},
        **{"base": 2, "dual-clock": 2, "control": 2},
    }


def test_the_base_cannot_tell_the_halves_of_a_pair_apart(outcome):
    scores, _ = outcome
    pairs = scores.scenes["base"][0].pair
    assert pairs.pairs == 1 and pairs.agreeing == 0 and pairs.sum_yy == 0


def test_scenes_are_grouped_by_their_drives_and_pairs_by_theirs(outcome):
    scores, _ = outcome
    for group, clips, pairs in (("all", 3, 3), ("dynamic", 1, 0), ("kinematic", 1, 3)):
        tallies = scores._tallies("static", group)
        assert sum(t.clips for t in tallies) == clips and sum(t.pairs for t in tallies) == pairs


def test_json_and_table_hold_every_method_group_and_metric(outcome):
    scores, _ = outcome
    document = as_json(scores, {"split": "test", "scenes": 3})
    assert document["scenes"] == 3 and set(document["methods"]) == set(METHODS)
    for method in METHODS:
        for group in GROUPS:
            for figure in document["methods"][method][group].values():
                assert set(figure) == {"mean", "low", "high"}
    static = document["methods"]["static"]
    assert static["all"]["counterfactual_r"]["mean"] == 0
    assert static["dynamic"]["counterfactual_r"]["mean"] is None
    assert static["dynamic"]["psnr"]["low"] <= static["dynamic"]["psnr"]["mean"]
    assert document["control_minus_base"]["all"]["psnr"]["mean"] == pytest.approx(
        document["methods"]["control"]["all"]["psnr"]["mean"]
        - document["methods"]["base"]["all"]["psnr"]["mean"]
    )
    text = as_text(scores)
    assert "dynamic: 1 scenes" in text and "all: 3 scenes" in text and "control - base" in text


def test_the_sheet_shows_the_truth_above_what_was_made(outcome):
    _, shown = outcome
    sheet = contact_sheet(shown[:1])
    tile = sheet[:, : sheet.shape[1] // 2]
    made = shown[0].frames[0]
    assert np.array_equal(tile[14 + 32 : 14 + 64, :32], made)
    assert contact_sheet(shown).shape[0] == 2 * sheet.shape[0]


def test_cases_made_ahead_are_the_same_in_order(small_cases):
    ahead = list(make_cases("test", 2, 48, processes=1))
    assert [c.index for c in ahead] == [0, 1]
    for one, other in zip(ahead, small_cases, strict=True):
        assert np.array_equal(one.truth.frames, other.truth.frames)
        assert np.array_equal(one.pair[1].visible, other.pair[1].visible)
        assert one.pair[0].caption == other.pair[0].caption
