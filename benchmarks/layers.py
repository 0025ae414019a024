"""The section on layers of the project's README, from the files that the three `analyze` commands wrote.

Prints it; with --readme, puts it between the marks `analysis:begin` and `analysis:end` of that file. All figures and
judgements in it are computed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from common import ROOT

FOLDER = ROOT / "checkpoints" / "mini" / "analysis"
BEGIN, END = "<!-- analysis:begin -->", "<!-- analysis:end -->"
DRAWS = {
    "paper": "drawn as in the paper, whatever the blocks' types",
    "matched": "matched in parameters and block type",
}
SIDES = {"motion": "Motion Layers", "lowest": "lowest-scoring blocks", "difference": "difference"}
SIGNIFICANT = 0.05


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--folder", type=Path, default=FOLDER, help="of layers.json, skip.json and parameters.json"
    )
    options.add_argument("--readme", type=Path, metavar="FILE", help="write the section into it")
    args = options.parse_args()
    text = section(*(json.loads((args.folder / f"{name}.json").read_text()) for name in ("layers", "skip")))
    text += parameters(json.loads((args.folder / "parameters.json").read_text()))
    print(text, end="")
    if args.readme:
        before, rest = args.readme.read_text(encoding="utf-8").split(BEGIN + "\n")
        _, after = rest.split(END)
        args.readme.write_text(before + BEGIN + "\n" + text + END + after, encoding="utf-8")


def section(layers: dict[str, Any], skip: dict[str, Any]) -> str:
    """The scores, what skipping does, and whether the two agree."""
    motion = skip["motion_layers"]
    lines = [
        f"Scores: first {layers['scenes']} scenes of {layers['split']}, {len(layers['sigmas'])} steps; a uniform map "
        f"would score {layers['floor']:.3f}. Skipping: first {skip['scenes']} scenes of {skip['split']}, "
        f"{skip['steps']} steps, {'masks given' if skip['control'] else 'from the caption alone, as in the paper'}; "
        "agreement of the subject's masks with the unskipped video's in per cent. 95 % intervals "
        "over scenes. Commands:",
        "",
        "```sh",
        *commands(skip),
        "```",
        "",
        f"By Otsu's threshold, Motion Layers are {named(layers['motion_layers'])}; the sets below are drawn from the "
        f"{len(motion)} that score highest, {named(motion)}.",
        "",
        "| block | type | score | V2T | T2V | J&F, skipped alone | HOTA |",
        "|---|---|---|---|---|---|---|",
    ]
    for i, (kind, _) in enumerate(skip["kinds"]):
        score = f"{layers['scores'][i]:.3f} ({layers['low'][i]:.3f} to {layers['high'][i]:.3f})"
        ways = f"{layers['v2t'][i]:.3f} | {layers['t2v'][i]:.3f}"
        left = " | ".join(cell(skip["alone"][name][i]) for name in ("J&F", "HOTA"))
        title = f"**{i}**" if i in motion else str(i)
        lines.append(f"| {title} | {'single' if 'Single' in kind else 'dual'} | {score} | {ways} | {left} |")
    lines += ["", "| skipped together | J | F | J&F | HOTA |", "|---|---|---|---|---|"]
    for name, sets in skip["sets"].items():
        size = " or ".join(str(n) for n in dict.fromkeys(sets["size"]))
        for side, title in SIDES.items():
            figures = " | ".join(cell(figure) for figure in sets[side].values())
            lines.append(f"| {size} blocks {DRAWS[name]}: {title} | {figures} |")
    return "\n".join([*lines, "", *judgement(skip), ""])


def commands(skip: dict[str, Any]) -> list[str]:
    """What made the files."""
    folder = FOLDER.relative_to(ROOT)
    given = f"--top {len(skip['motion_layers'])} --scenes {skip['scenes']} --steps {skip['steps']}"
    control = " --control" if skip["control"] else ""
    return [
        f"F={folder}",
        "python -m comogen_demo analyze layers --json $F/layers.json --plot $F/scores.png --maps $F/maps.png",
        f"python -m comogen_demo analyze skip --layers $F/layers.json {given}{control} --json $F/skip.json",
        "python -m comogen_demo analyze parameters --json $F/parameters.json",
        "python benchmarks/layers.py --readme README.md",
    ]


def judgement(skip: dict[str, Any]) -> list[str]:
    """In words: does damage follow the score on this model?"""
    lines = []
    for name, sets in skip["sets"].items():
        gap = sets["difference"]["J&F"]
        if gap["low"] > 0:
            words = (
                "the paper's claim **holds** here: without Motion Layers less of the subject's motion is left"
            )
        elif gap["high"] < 0:
            words = (
                "the paper's claim **does not hold** here: without Motion Layers more of the subject's motion "
                "is left than without the lowest-scoring blocks"
            )
        else:
            words = "the paper's claim is **not borne out** here: the difference may be zero"
        lines.append(f"- Sets {DRAWS[name]}: {words} ({cell(gap)} points of J&F).")
    for group, ways in skip["correlation"].items():
        blocks = f"all {ways['both']['blocks']} blocks"
        if group != "all":
            blocks = f"the {ways['both']['blocks']} {'single' if 'Single' in group else 'dual'}-stream blocks"
        found = "; ".join(
            f"{title} {f['mean']:.2f} ({f['low']:.2f} to {f['high']:.2f}, p = {f['p']:.3f})"
            for title, f in zip(("both directions", "V2T", "T2V"), ways.values(), strict=True)
        )
        sure = ways["both"]["low"] > 0 and ways["both"]["p"] < SIGNIFICANT
        words = "damage grows with the score" if sure else "no relation is shown"
        lines.append(
            f"- Spearman's correlation of score and damage (1 - J&F) over {blocks}: {found}: {words}."
        )
    lines.append(
        "  Intervals are over scenes; p is over the blocks, by permuting them: with so few, only strong relations show."
    )
    return lines


def parameters(table: dict[str, Any]) -> str:
    """The table of `analyze parameters`."""
    from comogen_demo.analysis.tables import as_rows

    own = table["backbone"]
    return "\n".join(
        [
            "",
            f"What control adds to HunyuanVideo-I2V's transformer of {own['parameters'] / 1e9:.2f} billion parameters, "
            "counted at full size:",
            "",
            "| added | parameters | per cent | paper |",
            "|---|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in as_rows(table)),
            "",
        ]
    )


def named(blocks: list[int]) -> str:
    return ", ".join(str(block) for block in blocks)


def cell(figure: dict[str, float]) -> str:
    return f"{100 * figure['mean']:.1f} ({100 * figure['low']:.1f} to {100 * figure['high']:.1f})"


if __name__ == "__main__":
    main()
