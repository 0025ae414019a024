"""The model card: what was trained, how, how long, and what was measured; written from the records alone."""

from __future__ import annotations

from typing import Any

CURVE_POINTS = 12
METRICS = {
    "subject_iou": "subject IoU",
    "subject_error_px": "subject error, px",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "reaction_skill": "reaction skill",
    "false_motion": "false motion",
    "vanished": "vanished",
    "counterfactual_agreement": "right object moves more",
    "counterfactual_r": "counterfactual r",
}


RECIPE = "Control recipe: **{}**. "
ORIGIN = "The weights that this training started from, `--origin`, had themselves been trained like this:"


def write_card(
    config: dict[str, Any],
    record: dict[str, Any],
    results: dict[str, Any] | None,
    before: str = "",
    other: str = "",
) -> str:
    """Markdown from config.json, a training record and what `evaluate --json` wrote (None: not measured yet).

    before: `training_of` the card of the model that the training started from.
    other: the card of a model of the other recipe, whose own training and results are told, too.
    """
    control, backbone = config["control"], config["backbone"]
    lines = [
        "# The embedded model",
        "",
        f"An image-to-video diffusion transformer for {backbone['size']} x {backbone['size']} pixels and "
        f"{backbone['frames']} frames at {backbone['fps']} a second, with CoMoGen's mask control. It was trained from "
        "nothing on the simulated world of `comogen_demo/world/` and knows that world only: spheres, cubes and "
        "cylinders of eight colours on a table. Licence: Apache-2.0.",
        "",
        RECIPE.format(control["recipe"]) + _recipe(control["recipe"], before),
        "",
        *_layers(control, record.get("layers", {})),
        *_stages(record),
        *_before(before),
        *(_results(results) if results else []),
        *(_other(other) if other else []),
    ]
    return "\n".join(lines) + "\n"


def results_table(results: dict[str, Any], part: str = "all") -> list[str]:
    """The figures of `evaluate --json` as a Markdown table, mean and 95 % interval."""
    lines = ["| method | " + " | ".join(METRICS.values()) + " |", "|---" * (len(METRICS) + 1) + "|"]
    for method, parts in results["methods"].items():
        cells = [_cell(parts[part].get(metric)) for metric in METRICS]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return lines


def training_of(card: str) -> str:
    """The body of a card's section on training, to be told again in the card of a model trained further."""
    return card.split("\n## Training\n", 1)[-1].split("\n## ", 1)[0].strip()


def is_card(text: str, recipe: str) -> bool:
    """Whether this is the card of a model of this recipe."""
    return f"\n{RECIPE.format(recipe)}" in text


def _recipe(recipe: str, before: str) -> str:
    if recipe == "joint":
        return (
            "After a base without masks, transformer and MaskAdapter were trained together, with masks left out "
            "of a share of the samples so that the model still works without. This is not the paper's recipe."
        )
    frozen = "The base was trained without masks and kept frozen while the MaskAdapter and LoRA learned (the paper's)."
    if "- **joint**" in before:
        frozen += (
            " But the weights that the base started from had been trained with masks, by the other recipe."
        )
    return frozen


def _before(text: str) -> list[str]:
    return [ORIGIN, "", *(f"> {line}".rstrip() for line in text.splitlines()), ""] if text else []


def _other(card: str) -> list[str]:
    """A model's recipe, the stages of its own training and its results over all scenes, from its card."""
    prefix = RECIPE.split("*")[0]
    recipe = next(line for line in card.splitlines() if line.startswith(prefix))
    own = training_of(card).split(f"\n{ORIGIN}\n")[0].strip()
    found = card.partition("\n## Results\n")[2].partition("### Dynamic drivers")[0]
    found = found.replace("### All scenes\n\n", "").strip()
    return ["## The other recipe", "", recipe.removeprefix(prefix), "", own, "", found]


def _layers(control: dict[str, Any], found: dict[str, Any]) -> list[str]:
    rows = ["## Motion Layers", "", "| block | score | 95 % | V2T | T2V | |", "|---|---|---|---|---|---|"]
    for i, score in enumerate(control["scores"]):
        spread = f"{found['low'][i]:.3f} to {found['high'][i]:.3f}" if "low" in found else ""
        ways = (f"{found['v2t'][i]:.3f}", f"{found['t2v'][i]:.3f}") if "v2t" in found else ("", "")
        mark = "Motion Layer" if i in control["motion_layers"] else ""
        rows.append(f"| {i} | {score:.3f} | {spread} | {ways[0]} | {ways[1]} | {mark} |")
    floor = (
        f"A uniform map would score {found['floor']:.3f}; {found['scenes']} scenes. "
        if "floor" in found
        else ""
    )
    return [
        *rows,
        "",
        f"{floor}Cut by Otsu's threshold. Command: `python -m comogen_demo analyze layers`.",
        "",
    ]


def _stages(record: dict[str, Any]) -> list[str]:
    lines = ["## Training", "", "Command: `python -m comogen_demo train mini`, stage by stage:", ""]
    for stage, entry in record.items():
        curve = entry.get("curve", [])
        settings = ", ".join(f"{k} {v}" for k, v in entry.get("settings", {}).items())
        if not settings:
            continue
        lines.append(f"- **{stage}**: {settings}.")
        if curve:
            picks = sorted({round(i * (len(curve) - 1) / (CURVE_POINTS - 1)) for i in range(CURVE_POINTS)})
            points = ", ".join(f"{curve[i]['step']:.0f}: {curve[i]['loss']:.3f}" for i in picks)
            lines.append(f"  {sum_seconds(curve):.0f} s of wall-clock time; loss by step: {points}.")
        for name in ("validation", "validation_loss"):
            if name in entry:
                lines.append(f"  On validation clips: {entry[name]}.")
    return [*lines, ""]


def sum_seconds(curve: list[dict[str, float]]) -> float:
    """Seconds of a stage over all its resumed parts: each part's clock starts at zero."""
    total = 0.0
    for here, after in zip(curve, [*curve[1:], {"seconds": 0.0}], strict=True):
        if after["seconds"] < here["seconds"]:
            total += here["seconds"]
    return total


def _results(results: dict[str, Any]) -> list[str]:
    lines = [
        "## Results",
        "",
        f"`python -m comogen_demo evaluate --split {results['split']} --scenes {results['scenes']} "
        f"--seeds {results['seeds']} --model {results['model']}`, {results['steps']} steps; "
        "mean and 95 % interval over scenes; the first scenes of the split, failures included.",
        "",
    ]
    for part, title in (
        ("all", "All scenes"),
        ("dynamic", "Dynamic drivers"),
        ("kinematic", "Kinematic drivers"),
    ):
        lines += [f"### {title}", "", *results_table(results, part), ""]
    return [*lines, "![the first 16 test scenes: truth above, generated below](sheet.png)", ""]


def _cell(figure: dict[str, float] | None) -> str:
    if not figure or figure.get("mean") is None:
        return ""
    return f"{figure['mean']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
