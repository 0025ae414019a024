import numpy as np
import pytest

from comogen_demo.evaluation.fidelity import PSNR_CEILING, psnr, ssim


def video(seed=0, frames=2, size=24):
    return np.random.default_rng(seed).integers(0, 200, (frames, size, size, 3), dtype=np.uint8)


def test_psnr_of_a_constant_difference():
    truth = video()
    assert psnr(truth + np.uint8(10), truth) == pytest.approx(20 * np.log10(255 / 10))
    assert psnr(truth, truth) == PSNR_CEILING


def test_psnr_pools_the_clip_and_can_be_restricted():
    truth = video()
    frames = truth.copy()
    frames[1] += np.uint8(20)
    assert psnr(frames, truth) == pytest.approx(10 * np.log10(255**2 / 200))
    where = np.zeros(truth.shape[:3], bool)
    assert psnr(frames, truth, where) is None
    where[1, :4] = True
    assert psnr(frames, truth, where) == pytest.approx(20 * np.log10(255 / 20))


def reference_ssim(a, b):
    """Window by window, straight from the definition."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for y in range(5, a.shape[0] - 5):
        for x in range(5, a.shape[1] - 5):
            p, q = a[y - 5 : y + 6, x - 5 : x + 6], b[y - 5 : y + 6, x - 5 : x + 6]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            c1, c2 = 6.5025, 58.5225
            values.append((2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return np.mean(values)


def test_ssim_is_the_standard_one():
    truth, noise = video(1), video(2)
    frames = (0.7 * truth + 0.3 * noise).astype(np.uint8)
    weights = np.array([0.299, 0.587, 0.114])
    expected = np.mean([reference_ssim(a @ weights, b @ weights) for a, b in zip(frames, truth, strict=True)])
    assert 0.2 < expected < 0.95
    assert ssim(frames, truth) == pytest.approx(expected, abs=1e-4)
    assert ssim(truth, truth) == pytest.approx(1)
