"""CoMoGen Studio: from a frame and a moving mask to a video. Start reading at `generate.py`."""

__version__ = "0.1.0"
