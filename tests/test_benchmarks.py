"""The benchmark of large backbones at a tiny size: every case is reported, and what is counted is right."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def large(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("large")
    shape = {
        **module.HUNYUAN,
        "num_attention_heads": 2,
        "attention_head_dim": 16,
        "num_layers": 2,
        "num_single_layers": 1,
        "num_refiner_layers": 1,
        "text_embed_dim": 16,
        "pooled_projection_dim": 8,
        "rope_axes_dim": (4, 6, 6),
    }
    tiny = replace(
        module.REDUCED,
        shape=shape,
        vae={"block_out_channels": (8, 8, 8, 8), "layers_per_block": 1, "norm_num_groups": 4},
        layers=(1, 2),
        adapter_width=8,
        lora_rank=2,
        preset=replace(module.REDUCED.preset, width=32, height=32),
    )
    monkeypatch.setattr(module, "FULL", replace(tiny, title="full size"))
    monkeypatch.setattr(module, "REDUCED", tiny)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return module


def test_all_cases_are_reported(large, tmp_path, monkeypatch, capsys):
    path = tmp_path / "figures.json"
    options = ["large.py", "--frames", "5", "--steps", "1", "--modes", "fp8"]
    monkeypatch.setattr(sys, "argv", [*options, "--json", str(path)])
    large.main()
    assert capsys.readouterr().out.startswith("reduced size, CPU")
    report = json.loads(path.read_text())
    assert report["size"] == "reduced size"
    methods = ["base", "control", "controlnet"]
    assert [row["method"] for row in report["counted"]] == methods
    assert [(row["mode"], row["method"]) for row in report["measured"]] == [("fp8", m) for m in methods]
    assert all(row["seconds"] > 0 for row in report["measured"])
    work, memory = ([row[key] for row in report["counted"]] for key in ("tflop", "memory_gb"))
    assert work == sorted(set(work)) and memory == sorted(set(memory)), "each costs more than the one before"
    held = [row["memory_gb"] for row in report["measured"]]
    assert held == sorted(set(held))


def test_counts_are_those_of_the_shapes(large):
    layer = torch.nn.Linear(4, 8)
    weights = 4 * (4 * 8 + 8)
    with large.Counted(layer) as counted, large.FusedAttention(counted), torch.inference_mode():
        made = layer(torch.zeros(3, 4))
        assert counted.held == weights + 4 * 3 * 8
        del made
        assert counted.held == weights
        query, key = torch.zeros(1, 2, 5, 16), torch.zeros(1, 2, 7, 16)
        assert F.scaled_dot_product_attention(query, key, key).shape == query.shape
    assert counted.flops == 2 * 3 * 4 * 8 + 2 * 2 * (2 * 5 * 7 * 16)
    assert counted.peak >= weights + 4 * 3 * (4 + 8)
