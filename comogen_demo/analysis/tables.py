"""The parameters counted, as a table."""

from __future__ import annotations

from typing import Any


def as_rows(table: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """What is added, parameters, per cent of the backbone, the paper's per cent."""
    paper, rows = table["paper"], []
    for entry in table["adapter"]:
        close = entry["width"] == table["closest"]["inference"]["width"]
        stated = f"{paper['inference']} (inference)" if close else ""
        rows.append((f"MaskAdapter, width {entry['width']}", *_figures(entry), stated))
    for entry in table["lora"]:
        targets = "attention" if entry["targets"] == "attention" else "all linear layers"
        rows.append((f"LoRA on {targets}, rank {entry['rank']}", *_figures(entry), ""))
    both = table["closest"]["training"]
    title = f"MaskAdapter, width {both['width']}, and LoRA, rank {both['rank']}"
    rows.append((title, *_figures(both), f"{paper['training']} (training)"))
    for i, entry in enumerate(table["controlnet"]):
        stated = "" if i else f"{paper['controlnet']:g}"
        rows.append((f"ControlNet, copies of {entry['copies']}", *_figures(entry), stated))
    return rows


def _figures(entry: dict[str, Any]) -> tuple[str, str]:
    return f"{entry['parameters'] / 1e6:,.1f} M", f"{entry['percent']:.2f}"


def as_text(table: dict[str, Any]) -> str:
    """The table for a terminal."""
    own = table["backbone"]
    lines = [
        f"HunyuanVideo-I2V's transformer: {own['parameters']:,} parameters, {own['blocks']} blocks, "
        f"width {own['width']}",
        f"{'added':<46}{'parameters':>14}{'per cent':>11}   paper",
    ]
    lines += [f"{name:<46}{number:>14}{share:>11}   {paper}" for name, number, share, paper in as_rows(table)]
    return "\n".join(line.rstrip() for line in lines)
