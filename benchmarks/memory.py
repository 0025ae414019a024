"""Peak memory of the app's process while it generates.

This process becomes the app: it builds the page, serves it, answers a request for it, loads the model in the worker
and makes videos through the same queue as the page does, previews and the comparison without a mask included. The
encoder of the video files is a process of its own and not counted.
"""

from __future__ import annotations

import os
import resource
import sys
import urllib.request

from common import deliver, parser

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="mini", help="checkpoint (default mini)")
    options.add_argument("--clips", type=int, default=3, help="videos to make, each in both ways (default 3)")
    args = options.parse_args()

    from comogen_demo.jobs import Job
    from comogen_demo.settings import Settings
    from comogen_demo.ui.engine import Embedded
    from comogen_demo.ui.making import Request
    from comogen_demo.ui.page import build, launch_options
    from comogen_demo.ui.studio import Studio
    from comogen_demo.world import caption, make_clip

    def finish(job: Job) -> Job:
        job.wait()
        if job.state != "done":
            raise SystemExit(f"A video could not be made: {job.error or job.state}")
        return job

    studio = Studio(Embedded(args.model))
    page = build(studio)
    _, url, _ = page.launch(
        server_name="127.0.0.1",
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        **launch_options(studio),
    )
    try:
        urllib.request.urlopen(url, timeout=30).read()
        served = peak()
        finish(studio.warm_up())
        loaded = peak()
        for seed in range(args.clips):
            clip = make_clip("test", seed, 512)
            masks = clip.subject_masks(amodal=True)[None]  # of one subject
            request = Request(clip.frames[0], masks, caption(clip.scene), Settings(seed=seed))
            made = finish(studio.submit(request))
            finish(studio.submit_comparison(made.result))
    finally:
        page.close()
    deliver(
        {
            "model": args.model,
            "videos": 2 * args.clips,
            "page_served_mb": served,
            "model_loaded_mb": loaded,
            "peak_mb": peak(),
        },
        args.json,
    )


def peak() -> float:
    """Largest resident size so far in MB of 2^20 bytes; the system counts in KB, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
