"""From a click to a mask, by OpenCV alone: colour regions for the embedded world, GrabCut for photographs."""

from .click import select_by_click

__all__ = ["select_by_click"]
