"""CoMoGen Studio: `python app.py` opens the page; a Hugging Face Space runs the same file."""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from comogen_demo.errors import UserError, explained_imports


def main() -> None:
    parser = argparse.ArgumentParser(description="Opens CoMoGen Studio in a browser.")
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")  # a Space sets it
    parser.add_argument("--host", default=host, help="address to listen on")
    parser.add_argument("--port", type=int, default=None, help="port (default: the first free one from 7860)")
    parser.add_argument("--model", default="mini", help="a folder of checkpoints/")
    parser.add_argument(
        "--share", choices=("on", "off"), default="off", help="a public link through Gradio's servers"
    )
    parser.add_argument(
        "--downloads",
        choices=("on", "off"),
        default=None,
        help="whether the page may fetch weights (default: only where no other machine can open it)",
    )
    parser.add_argument(
        "--backbone",
        action="append",
        metavar="NAME",
        help="a large backbone that the page may choose, such as wan; may be given again (default: all of them where "
        "no other machine can open the page, else none)",
    )
    options = parser.parse_args()
    try:
        with explained_imports():
            from comogen_demo.backbones.registry import PRESETS, find_preset
            from comogen_demo.ui.engine import Embedded
            from comogen_demo.ui.page import build, launch_options
            from comogen_demo.ui.studio import Studio
        named = [find_preset(name).name for name in options.backbone or ()]
    except UserError as error:
        sys.exit(f"error: {error}")
    alone = options.host in ("127.0.0.1", "localhost", "::1") and options.share == "off"
    studio = Studio(Embedded(options.model), backbones=named or (tuple(PRESETS) if alone else ()))
    page = build(studio, downloads=alone if options.downloads is None else options.downloads == "on")
    page.launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share == "on",
        prevent_thread_lock=True,
        **launch_options(studio),
    )
    studio.warm_up()
    page.block_thread()


if __name__ == "__main__":
    main()
