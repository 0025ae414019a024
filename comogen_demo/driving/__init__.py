"""The driving video: a part of a clip, the subject tracked through it, and its motion laid onto a picture.

`read_clip` gives frames, `Tracking` masks of them, `align` the similarity from the subject in the clip to that in the
picture, and `retarget` an ordinary track of the editor.
"""

from .fit import align
from .reading import ClipInfo, frame_count, probe, read_clip
from .retarget import retarget
from .similarity import Similarity, containing, moved, overlap
from .tracking import Tracking

__all__ = [
    "ClipInfo",
    "Similarity",
    "Tracking",
    "align",
    "containing",
    "frame_count",
    "moved",
    "overlap",
    "probe",
    "read_clip",
    "retarget",
]
