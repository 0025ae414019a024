"""`analyze skip`: what becomes of the subject's motion when blocks are skipped."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from ..errors import UserError
from .analyze_common import MAX_SCENES, check_range, model_of, told, write_json

MAX_BLOCKS, MAX_DRAWS = 60, 100
INTERRUPTED = 130


def run(args: argparse.Namespace) -> int:
    """Ctrl-C ends early, with the figures so far (130)."""
    import numpy as np

    from ..analysis.outcome import as_text, outcome
    from ..analysis.scores import top_cut
    from ..analysis.sets import kind
    from ..analysis.skip import skip_blocks
    from ..control.layers import read_layers
    from ..settings import Settings

    check_range("--scenes", args.scenes, 2, MAX_SCENES)
    check_range("--size", args.size, 1, MAX_BLOCKS)
    check_range("--draws", args.draws, 1, MAX_DRAWS)
    model = model_of(args, world=True)
    choice, source = read_layers(args.layers, len(model.backbone.blocks))
    if args.top is not None:
        choice = replace(choice, motion_layers=tuple(top_cut(choice.scores, args.top)))
    scores = np.asarray(source.get("by_scene", ()), float)
    if scores.ndim != 3 or scores.shape[1:] != (len(choice.scores), 3):
        raise UserError(
            f"{args.layers} lacks the scores of single scenes: make it anew with `analyze layers`."
        )
    if source.get("split") == args.split:
        raise UserError(
            f"The scores of {args.layers} come from scenes of {args.split}, too: choose another --split, so that "
            "the scenes of both are disjoint."
        )
    settings = Settings(steps=args.steps)
    skipping = skip_blocks(
        model, choice, args.split, args.scenes, settings, args.size, args.draws, args.control
    )
    skips, code = [], 0
    try:
        for skips_of_scene in told(skipping, args.scenes):
            skips.append(skips_of_scene)
    except KeyboardInterrupt:
        code = INTERRUPTED
        print(f"\nStopped after {len(skips)} of {args.scenes} scenes.", file=sys.stderr)
        if len(skips) < 2:
            return code
    kinds = [kind(block) for block in model.backbone.blocks]
    document = {
        "model": model.name,
        "split": args.split,
        "scenes": len(skips),
        "steps": args.steps,
        "control": args.control,
        "motion_layers": list(choice.motion_layers),
        "scores": list(choice.scores),
        "kinds": kinds,
        **outcome(skips, scores, kinds),
    }
    print(as_text(document))
    write_json(args.json, document)
    return code
