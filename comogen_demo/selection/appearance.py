"""What a subject and its surroundings look like: colour histograms, of the whole and by place in the window."""

from __future__ import annotations

import cv2
import numpy as np

LIGHT, TINT = 8, 16  # bins of lightness, and of either opponent colour of CIE Lab
REACH = 64  # of OpenCV's 128 steps of an opponent colour: what is more saturated shares the last bin
BINS = LIGHT * TINT * TINT
CELLS = 6  # places along either side of the window
SLOW = 0.3  # of the rate by place goes into the histogram of the whole, which must not drift
EVIDENCE = 1.0  # px seen of a colour at a place that weigh as much as the histograms of the whole
FLOOR = 1e-5  # share of a colour that was never seen


def bins(picture: np.ndarray) -> np.ndarray:
    """The colour bin of each pixel of (h, w, 3) uint8 RGB: int32 (h, w)."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.int32)
    tint = np.clip((lab[:, :, 1:] - (128 - REACH)) * TINT // (2 * REACH), 0, TINT - 1)
    return np.asarray((lab[:, :, 0] * LIGHT // 256 * TINT + tint[:, :, 0]) * TINT + tint[:, :, 1])


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Bhattacharyya coefficient of two histograms: 1 alike, 0 nothing in common or nothing at all."""
    return float(np.sqrt(a * b).sum() / np.sqrt(max(float(a.sum()) * float(b.sum()), 1e-12)))


class Appearance:
    """Histograms of a subject and its surroundings.

    Made from colours, bins int32 (h, w) of the window, the mask and the valid pixels (in the frame), bool (h, w), and
    the bins of what else the frame shows, (n,).
    """

    def __init__(self, colours: np.ndarray, mask: np.ndarray, valid: np.ndarray, elsewhere: np.ndarray):
        self._places = _by_place(colours, mask, valid)  # (surroundings and subject, CELLS, CELLS, BINS)
        self._subject = self.counts(colours, mask & valid)
        self._elsewhere = _shares(_smooth_colours(np.bincount(elsewhere, minlength=BINS)))
        self.given = self._subject.copy()  # (BINS,), as it was at first
        self._typical = self._odds(self.given) > 0
        self._first_purity = max(self._share_typical(colours, mask & valid), 1e-3)

    def counts(self, colours: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The histogram of bool (h, w), smoothed: (BINS,)."""
        return _smooth_colours(np.bincount(colours[mask], minlength=BINS))

    def odds(self, colours: np.ndarray) -> np.ndarray:
        """Log-odds of the subject by colour alone: (h, w)."""
        return np.asarray(self._odds(self._subject)[colours])

    def odds_here(self, colours: np.ndarray) -> np.ndarray:
        """Log-odds of the subject by colour and place: (h, w)."""
        share = 1 / (1 + np.exp(-self.odds(colours)))
        other, own = _at_places(self._places, colours)
        return np.asarray(np.log((own + EVIDENCE * share) / (other + EVIDENCE * (1 - share))))

    def purity(self, colours: np.ndarray, mask: np.ndarray) -> float:
        """How much of bool (h, w) has colours that told the given subject from the rest, at most 1: as there."""
        return min(1.0, self._share_typical(colours, mask) / self._first_purity)

    def learn(self, colours: np.ndarray, mask: np.ndarray, valid: np.ndarray, rate: float) -> None:
        """Takes in what is seen now, at a rate of 0..1."""
        self._places += rate * (_by_place(colours, mask, valid) - self._places)
        new = self.counts(colours, mask)
        new *= self._subject.sum() / max(float(new.sum()), 1e-6)
        self._subject += SLOW * rate * (new - self._subject)

    def _odds(self, subject: np.ndarray) -> np.ndarray:
        around = _shares(self._places[0].sum((0, 1)))
        return np.asarray(np.log((_shares(subject) + FLOOR) / (0.5 * self._elsewhere + 0.5 * around + FLOOR)))

    def _share_typical(self, colours: np.ndarray, mask: np.ndarray) -> float:
        return float(self._typical[colours[mask]].mean()) if mask.any() else 0.0


def _by_place(colours: np.ndarray, mask: np.ndarray, valid: np.ndarray) -> np.ndarray:
    h, w = colours.shape
    cell = (np.arange(h) * CELLS // h)[:, None] * CELLS + np.arange(w) * CELLS // w
    index = (mask * (CELLS * CELLS) + cell) * BINS + colours
    counts = np.bincount(index[valid], minlength=2 * CELLS * CELLS * BINS).astype(np.float32)
    smooth = _smoothed(counts.reshape(2, CELLS, CELLS, LIGHT, TINT, TINT), (1, 2, 3, 4, 5))
    return smooth.reshape(2, CELLS, CELLS, BINS)


def _at_places(counts: np.ndarray, colours: np.ndarray) -> list[np.ndarray]:
    """counts (2, CELLS, CELLS, BINS) of each pixel's colour, interpolated between the places: (h, w) each."""
    totals = [np.zeros(colours.shape, np.float32) for _ in counts]
    for row, down in _nearest_cells(colours.shape[0]):
        for column, right in _nearest_cells(colours.shape[1]):
            weight = down[:, None] * right
            for total, table in zip(totals, counts, strict=True):
                total += table[row[:, None], column, colours] * weight
    return totals


def _nearest_cells(length: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The two cells whose centres are about each of `length` pixels, and their weights."""
    at = np.clip((np.arange(length) + 0.5) * CELLS / length - 0.5, 0, CELLS - 1)
    low = np.minimum(at.astype(int), CELLS - 2)
    weight = (at - low).astype(np.float32)
    return [(low, 1 - weight), (low + 1, weight)]


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / max(float(counts.sum()), 1e-6)


def _smooth_colours(counts: np.ndarray) -> np.ndarray:
    return _smoothed(counts.astype(np.float32).reshape(LIGHT, TINT, TINT), (0, 1, 2)).reshape(-1)


def _smoothed(counts: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Counts blurred by (1, 2, 1) / 4 along some axes; what is blurred over an end is lost."""
    for axis in axes:
        blurred = 0.5 * counts
        to, onto = np.moveaxis(counts, axis, 0), np.moveaxis(blurred, axis, 0)  # views
        onto[1:] += 0.25 * to[:-1]
        onto[:-1] += 0.25 * to[1:]
        counts = blurred
    return counts
