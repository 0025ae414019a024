"""From clicks or a box to a mask, by OpenCV alone: colour regions for the embedded world, GrabCut for photographs.

Whatever asks for a selection asks these three functions; they keep nothing between two calls.
"""

from .box import select_by_box
from .click import select_by_click
from .points import select_by_points

__all__ = ["select_by_box", "select_by_click", "select_by_points"]
