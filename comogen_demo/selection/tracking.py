"""Following a subject through a clip by dense optical flow, colours and GrabCut, without any weights.

In a window that goes along with the subject, each frame is decided in five steps:
1. leap: where the subject's last picture is found again, if that is clearly not where it was heading;
2. carry: the last mask goes along the optical flow where flow forth and back agree, elsewhere with the template,
   the subject's whole outline, hidden parts included, which moves with what is seen of it;
3. colour: what the subject and its surroundings look like, by place in the window (appearance.py);
4. cut: where these two leave it open, GrabCut lays the edge;
5. judge: how much is in sight, how alike it still looks and how clear the decision was give the confidence.
A subject out of sight is looked for by its colours where it was heading, in a window that grows.
All weights and limits are our choice, made on clips of the world's validation split and on real footage.
"""

from __future__ import annotations

import cv2
import numpy as np

from .appearance import Appearance, bins, likeness
from .cut import grab, sharpened
from .regions import bounds
from .window import Window

MARGIN, LEAST_MARGIN = 0.4, 12  # surroundings in the window: share of the subject's longer side, and px
SIGHT = 32  # px of the longer side of the subject's picture, when it is looked for
FAR = 0.3  # of its longer side: as far from where it was heading, an error counts twice
LEAP = 0.5  # of the error where it was heading: what is as much more alike is worth a leap
GRAIN = 4.0  # of 255; error that says nothing
AGREE = 1.5  # px by which flow forth and back may differ
EDGE = 1.5  # px over which the odds by place change
CARRIED, TINTED = 3.0, 4.0  # limits of the log-odds by place, and by colour
HIDDEN = 0.3  # weight of "it was not there" within the template, where it may just have been hidden
PLAIN = 1.0  # log-odds by colour alone from which that holds
BAND, CLEAR = 5, 1.0  # px about the edge that GrabCut decides, and the log-odds that it does not overrule
KEPT = 0.93  # of the template a frame where it is not seen: what deforms is forgotten, what is hidden not yet
GROWN = 0.5  # of the way to the mask, where that is larger
LOST = 0.04  # of the template: less in sight is nothing
LEAST = 8  # px of a mask in the window
PIECE = 0.02  # of the mask: smaller pieces are noise
RATE = 0.15  # of a frame in what is known of the colours
SAME = 0.7  # likeness to the given subject from which colours are learnt, and a lost one is found again
WELL = 0.7  # share in sight from which colours are learnt
REFOUND = 0.7  # of the confidence is left when a lost subject is found again: it may be another one
DRIFT = 0.04  # of the confidence is lost in a frame without any clear decision


class Follower:
    """A subject, from a frame in which its mask is known on; `step` goes to the next frame."""

    def __init__(self, frame: np.ndarray, mask: np.ndarray):
        """frame uint8 (H, W, 3), mask bool (H, W), not empty."""
        self._size = mask.shape
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._window = _about(_box(mask), 0.0)
        self._frame, self._mask = frame, mask
        self._seen: np.ndarray = self._window.cut(mask.astype(np.uint8) * 255).astype(np.float32) / 255
        self._template: np.ndarray = self._seen  # float32 (h, w) in the window, both
        self._velocity: np.ndarray = np.zeros(2)  # px of the frame a step, x and y
        self._hidden = 0  # steps since it was in sight
        self._faith = 1.0  # how far the identity is sure
        colours = bins(self._window.cut(frame))
        elsewhere = bins(frame[::2, ::2])[~mask[::2, ::2]]
        self._looks = Appearance(colours, self._seen > 0.5, self._window.inside(self._size), elsewhere)

    def step(self, frame: np.ndarray) -> tuple[np.ndarray, float]:
        """The subject in the next frame, uint8 (H, W, 3): mask bool (H, W), confidence 0..1."""
        if self._mask.any():
            self._velocity = self._velocity + self._leap(frame)
        window = self._heading()
        picture, valid = window.cut(frame), window.inside(self._size)
        carried, template, moved = self._carry(window, picture)
        colours = bins(picture)
        if self._hidden:
            score = np.clip(self._looks.odds(colours), -TINTED, TINTED) - PLAIN
            mask = self._largest((score > 0) & valid, template)
            if likeness(self._looks.counts(colours, mask), self._looks.given) < SAME:
                mask = np.zeros_like(mask)
        else:
            score = self._score(colours, carried, template)
            mask = self._cut(picture, score, valid, carried, template)
        self._window, self._frame = window, frame
        confidence = 0.0
        if mask.sum() < max(LEAST, LOST * template.sum()):
            self._lose(template)
            mask = np.zeros_like(mask)
        else:
            confidence = self._judge(colours, mask, valid, template, score)
            self._keep(mask, valid, template, moved)
        part = mask if window.whole else sharpened(mask, window.full(frame))
        self._mask = window.paste(part, self._size)
        return self._mask, confidence

    def _leap(self, frame: np.ndarray) -> np.ndarray:
        """How far the subject is from where it was heading, x and y in px; 0 if it is not clearly elsewhere."""
        top, bottom, left, right = bounds(self._mask, 0)
        side = max(right - left, bottom - top)
        scale = min(1.0, SIGHT / side)
        middle = round(side * scale)
        w, h = (max(1, round(length * scale)) for length in (right - left, bottom - top))
        x, y = left + round(self._velocity[0]), top + round(self._velocity[1])
        around = Window(x - side, y - side, right - left + 2 * side, bottom - top + 2 * side).full(frame)
        known = _shrunk(self._frame[top:bottom, left:right], (w, h))
        weight = _shrunk(self._mask[top:bottom, left:right].astype(np.uint8) * 255, (w, h)) / 255
        error = cv2.matchTemplate(
            _shrunk(around, (w + 2 * middle, h + 2 * middle)),
            known,
            cv2.TM_SQDIFF,
            mask=cv2.merge([weight] * 3),
        )
        error = np.maximum(error, 0) + 3 * float(weight.sum()) * GRAIN**2
        steps = np.arange(-middle, middle + 1)
        error *= 1 + (steps[:, None] ** 2 + steps**2) / (FAR * middle) ** 2
        row, column = np.unravel_index(int(error.argmin()), error.shape)
        if error[row, column] > LEAP * error[middle - 1 : middle + 2, middle - 1 : middle + 2].min():
            return np.zeros(2)
        return np.array([steps[column], steps[row]]) / scale

    def _heading(self) -> Window:
        """The template's box a step on; wider the longer it is out of sight, and never off the frame."""
        window, scale = self._window, self._window.scale
        box = _box(self._template > 0.5 * self._template.max()) / scale
        box += np.tile((window.left, window.top), 2) + np.tile(self._velocity, 2)
        if not self._hidden:
            return _about(box, 0.0)
        size = np.array(self._size[::-1], float)
        back = np.maximum(0, -box[2:]) + np.minimum(0, size - box[:2])
        widening = self._hidden * (2 + 0.5 * float(np.abs(self._velocity).max()))
        return _about(box + np.tile(back, 2), min(widening, float(size.max())))

    def _carry(self, window: Window, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The mask where flow and template put it, the template, float32 (h, w), and its motion (x, y) in px.

        The last frame is seen through a window that is as far behind as the subject moves in a step, so that the
        flow has to find the rest only.
        """
        behind = window.shifted(*-self._velocity)
        jump = np.array([window.left - behind.left, window.top - behind.top], float)
        before, after = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (behind.cut(self._frame), picture))
        seen, template = (behind.take(known, self._window) for known in (self._seen, self._template))
        if self._hidden:
            return seen, template, jump
        back, forth = self._flow_of(after, before), self._flow_of(before, after)
        h, w = after.shape
        x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
        source = x + back[:, :, 0], y + back[:, :, 1]
        carried = cv2.remap(seen, *source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        trust = _agreement(back, forth, *source)
        sure = (seen > 0.5) & (_agreement(forth, back, x + forth[:, :, 0], y + forth[:, :, 1]) > 0.6)
        matrix = _similarity(np.stack([x[sure], y[sure]], 1), forth[sure])
        if matrix is not None:
            template = np.asarray(cv2.warpAffine(template, matrix, (w, h)))
            middle = np.array([x[sure].mean(), y[sure].mean()])
            jump += (matrix[:, :2] @ middle + matrix[:, 2] - middle) / window.scale
        return trust * carried + (1 - trust) * template, template, jump

    def _flow_of(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Where each pixel of grey uint8 (h, w) goes in the other picture: float32 (h, w, 2), x and y in px."""
        return np.asarray(self._flow.calc(one, other, np.zeros((*one.shape, 2), np.float32)))

    def _score(self, colours: np.ndarray, carried: np.ndarray, template: np.ndarray) -> np.ndarray:
        """Log-odds of the subject, (h, w)."""
        general = self._looks.odds(colours)
        tinted = np.clip(self._looks.odds_here(colours), -TINTED, TINTED)
        place = np.clip(_depth(carried > 0.5) / EDGE, -CARRIED, CARRIED)
        hidden = (place < 0) & (template > 0.5)  # here it may come back into sight, if the colour is its own
        place = np.where(hidden & (general > 1.5 * PLAIN), HIDDEN * place, place)
        tinted = np.where(hidden, np.minimum(tinted, general - 0.5 * PLAIN), tinted)
        near = np.clip(_depth((template > 0.5) | (carried > 0.5)) / (2 * EDGE) + 2, -2 * CARRIED, 0)
        return tinted + place + near

    def _cut(
        self,
        picture: np.ndarray,
        score: np.ndarray,
        valid: np.ndarray,
        carried: np.ndarray,
        template: np.ndarray,
    ) -> np.ndarray:
        """What is likely, its edge laid by GrabCut where that is open, without the pieces that came from nowhere."""
        likely = (score > 0) & valid
        if likely.sum() < LEAST:
            return np.zeros_like(likely)
        depth = _depth(likely)
        labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        labels[(depth > BAND) | ((score > CLEAR) & (depth > 1))] = cv2.GC_FGD
        labels[(depth < -BAND) | ((score < -CLEAR) & (depth < -1))] = cv2.GC_BGD
        mask = grab(picture, labels, 1) & valid
        count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        area = stats[:, cv2.CC_STAT_AREA]
        known = np.bincount(pieces[(carried > 0.5) | (template > 0.5)], minlength=count)
        kept = (known > 0.3 * area) & (area >= PIECE * area[1:].max(initial=0))
        kept[0] = False
        return np.asarray(kept[pieces])

    def _largest(self, mask: np.ndarray, template: np.ndarray) -> np.ndarray:
        """The piece that best fills the place where a lost subject was heading, or else the largest."""
        count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        if count == 1:
            return mask
        there = np.bincount(pieces[template > 0.3], minlength=count)
        return np.asarray(pieces == 1 + int((3 * there + stats[:, cv2.CC_STAT_AREA])[1:].argmax()))

    def _lose(self, template: np.ndarray) -> None:
        self._hidden += 1
        self._template, self._seen = template, np.zeros_like(template)

    def _judge(
        self,
        colours: np.ndarray,
        mask: np.ndarray,
        valid: np.ndarray,
        template: np.ndarray,
        score: np.ndarray,
    ) -> float:
        """The confidence in a mask; what is well seen is learnt from."""
        look = likeness(self._looks.counts(colours, mask), self._looks.given)
        share = min(1.0, float(mask.sum() / max((template * valid).sum(), 1)))
        clear = float(np.clip(np.abs(score[np.abs(_depth(mask)) < 3]), 0, TINTED).mean() / TINTED)
        pure = self._looks.purity(colours, mask)
        self._faith *= (REFOUND if self._hidden else 1.0) * (1 - DRIFT * (1 - clear))
        if share > WELL and look > SAME:
            self._looks.learn(colours, mask, valid, RATE)
        return look * share * pure * self._faith

    def _keep(self, mask: np.ndarray, valid: np.ndarray, template: np.ndarray, moved: np.ndarray) -> None:
        if self._hidden:
            here = template > 0.3
            if (mask & here).sum() < 0.6 * mask.sum():  # it is elsewhere: so is the template
                x, y = _centre(mask) - _centre(here) if here.any() else (0.0, 0.0)
                template = cv2.warpAffine(template, np.array([[1, 0, x], [0, 1, y]]), template.shape[::-1])
            self._velocity = self._velocity / 2
        else:
            self._velocity = (self._velocity + moved) / 2
        self._hidden = 0
        seen = mask.astype(np.float32)
        soft = cv2.GaussianBlur(seen, (3, 3), 0)
        grown = template + GROWN * (soft - template)
        kept = np.where(soft > template, grown, np.maximum(soft, KEPT * template))
        self._template, self._seen = np.where(valid, kept, template), seen


def _shrunk(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W) or (H, W, C) at a size (w, h): float32."""
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _agreement(flow: np.ndarray, other: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """1 where flow (h, w, 2), which leads to (x, y), is undone by the other flow there, towards 0 where not: (h, w)."""
    error = flow + cv2.remap(other, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.exp(-(error**2).sum(2) / (2 * AGREE**2)))


def _similarity(points: np.ndarray, flow: np.ndarray) -> np.ndarray | None:
    """The similarity (2, 3) that most of the points (n, 2) follow; None if there are few or it is absurd."""
    if len(points) < 30:
        return None
    every = max(1, len(points) // 400)
    points, goals = points[::every].copy(), (points + flow)[::every].copy()
    matrix, _ = cv2.estimateAffinePartial2D(points, goals, method=cv2.RANSAC, ransacReprojThreshold=1.5)
    if matrix is None or not 0.8 < float(np.hypot(matrix[0, 0], matrix[0, 1])) < 1.25:
        return None
    return np.asarray(matrix)


def _about(box: np.ndarray, more: float) -> Window:
    """The window about a box (left, top, right, bottom), `more` px wider on all sides than usual."""
    x0, y0, x1, y1 = box
    margin = max(LEAST_MARGIN, MARGIN * max(x1 - x0, y1 - y0)) + more
    left, top = int(np.floor(x0 - margin)), int(np.floor(y0 - margin))
    return Window(left, top, int(np.ceil(x1 + margin)) - left, int(np.ceil(y1 + margin)) - top)


def _box(mask: np.ndarray) -> np.ndarray:
    """left, top, right, bottom of bool (H, W), float."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def _centre(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()])


def _depth(mask: np.ndarray) -> np.ndarray:
    """Distance to the edge of bool (h, w) in px, positive inside: float32 (h, w)."""
    inside = mask.astype(np.uint8)
    if not mask.any():
        return np.full(mask.shape, -1e3, np.float32)
    return cv2.distanceTransform(inside, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
