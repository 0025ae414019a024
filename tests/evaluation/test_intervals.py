import numpy as np
import pytest

from comogen_demo.evaluation.intervals import METRICS, Tally, difference, estimate


def test_without_scenes_or_without_anything_to_measure_nothing_is_claimed():
    for tallies in ([], [Tally(clips=1, psnr=20)]):
        assert estimate(tallies)["reaction_skill"].mean is None
    assert estimate([])["psnr"].mean is None


def test_skill_is_a_ratio_of_sums():
    tallies = [Tally(reacting=1, reaction_error=1, reaction_still=1), Tally(reacting=1, reaction_still=9)]
    assert estimate(tallies)["reaction_skill"].mean == pytest.approx(0.9)
    assert estimate(tallies)["reaction_error_px"].mean == pytest.approx(0.5)


def test_correlation_from_sums_equals_numpys():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(30, 2))
    y = 0.6 * x + rng.normal(size=(30, 2)) + 4
    tallies = [
        Tally(n=2, sum_x=a.sum(), sum_y=b.sum(), sum_xx=a @ a, sum_yy=b @ b, sum_xy=a @ b)
        for a, b in zip(x, y, strict=True)
    ]
    got = estimate(tallies)["counterfactual_r"]
    assert got.mean == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
    assert got.low < got.mean < got.high
    still = [Tally(n=2, sum_x=a.sum(), sum_xx=a @ a) for a in x]
    assert estimate(still)["counterfactual_r"].mean == 0


def test_more_seeds_of_the_same_scenes_do_not_narrow_the_interval():
    rng = np.random.default_rng(5)
    once = [Tally(subject_clips=1, iou=value) for value in rng.random(40)]
    thrice = [t + t + t for t in once]
    a, b = estimate(once)["subject_iou"], estimate(thrice)["subject_iou"]
    assert (a.mean, a.low, a.high) == pytest.approx((b.mean, b.low, b.high))
    assert a.high - a.low == pytest.approx(2 * 1.96 * np.sqrt(1 / 12 / 40), rel=0.3)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(150):
        got = estimate([Tally(clips=1, psnr=v) for v in rng.normal(30, 4, 60)])["psnr"]
        hits += got.low <= 30 <= got.high
    assert 0.88 <= hits / 150 <= 0.99


def test_differences_are_paired():
    rng = np.random.default_rng(9)
    base = [Tally(clips=1, psnr=value) for value in rng.normal(30, 5, 50)]
    better = [t + Tally(psnr=1 + 0.1 * n) for t, n in zip(base, rng.normal(size=50), strict=True)]
    gap = difference(better, base)["psnr"]
    assert gap.mean == pytest.approx(1, abs=0.1)
    assert gap.high - gap.low < 0.1 < estimate(base)["psnr"].high - estimate(base)["psnr"].low
    with pytest.raises(ValueError):
        difference(better, base[1:])


def test_the_promised_metrics_are_there():
    assert {
        *("subject_iou", "subject_error_px", "psnr", "ssim", "reaction_skill", "false_motion", "vanished"),
        *("counterfactual_agreement", "counterfactual_r"),
    } <= METRICS.keys()
