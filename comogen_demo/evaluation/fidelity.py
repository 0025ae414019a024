"""How close two videos are as pictures: PSNR and SSIM.

Both are computed over the frames after the first, because the first frame is given to every method.
"""

import cv2
import numpy as np

PSNR_CEILING = 100.0  # dB; what two equal videos score, so that a mean over clips stays finite
SSIM_SIGMA, SSIM_RADIUS = 1.5, 5  # the 11x11 Gaussian window of the SSIM paper
SSIM_C1, SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(frames: np.ndarray, truth: np.ndarray, where: np.ndarray | None = None) -> float | None:
    """Peak signal to noise ratio in dB of two uint8 videos (T, H, W, 3).

    The squared error is averaged over the whole clip before the logarithm: a mean of the frames' own ratios
    would let the first, nearly still frames outweigh those in which something happens. `where`, bool (T, H,
    W), restricts it to some pixels; None comes back when it selects none.
    """
    if where is not None:
        frames, truth = frames[where], truth[where]
    if frames.size == 0:
        return None
    error = float(np.square(frames.astype(np.float32) - truth).mean())
    return min(PSNR_CEILING, 10 * np.log10(255**2 / error)) if error > 0 else PSNR_CEILING


def ssim(frames: np.ndarray, truth: np.ndarray) -> float:
    """Mean structural similarity, in -1..1, of two uint8 videos (T, H, W, 3), frame by frame on luma (Rec.
    601).

    The standard form: an 11x11 Gaussian window of sigma 1.5, K1 = .01, K2 = .03, population moments, and only
    windows that lie wholly inside the picture.
    """
    return float(np.mean([_frame_ssim(_luma(a), _luma(b)) for a, b in zip(frames, truth, strict=True)]))


def _luma(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame.astype(np.float32), cv2.COLOR_RGB2GRAY)


def _frame_ssim(a: np.ndarray, b: np.ndarray) -> float:
    def mean(image: np.ndarray) -> np.ndarray:
        width = 2 * SSIM_RADIUS + 1
        blurred = cv2.GaussianBlur(image, (width, width), SSIM_SIGMA)
        return blurred[SSIM_RADIUS:-SSIM_RADIUS, SSIM_RADIUS:-SSIM_RADIUS]

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + SSIM_C1) / (mean_a**2 + mean_b**2 + SSIM_C1)
    structure = (2 * covariance + SSIM_C2) / (var_a + var_b + SSIM_C2)
    return float((luminance * structure).mean())
