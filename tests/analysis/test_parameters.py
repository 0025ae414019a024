"""Parameters counted: against formulas worked out by hand, and with no memory for weights."""

import pytest
import torch

from comogen_demo.analysis.parameters import (
    HUNYUAN,
    block_list,
    build,
    count,
    count_adapter,
    count_copies,
    count_linear_lora,
    count_lora,
    count_parameters,
)
from comogen_demo.analysis.tables import as_text
from comogen_demo.control.adapter import AdapterConfig, MaskAdapter
from comogen_demo.control.lora import add_lora, lora_parameters

TINY = {
    **HUNYUAN,
    "num_attention_heads": 2,
    "attention_head_dim": 8,
    "num_layers": 2,
    "num_single_layers": 3,
    "num_refiner_layers": 1,
    "mlp_ratio": 4.0,
    "text_embed_dim": 6,
    "pooled_projection_dim": 5,
    "rope_axes_dim": (2, 2, 4),
}
D, HEAD, MLP = 16, 8, 64


def linear(a, b):
    return a * b + b


def test_blocks_by_hand():
    dual, *_, single = block_list(build(TINY))
    attention = 8 * linear(D, D) + 4 * HEAD  # q, k, v and out of both streams; four norms of heads
    assert count(dual) == attention + 2 * linear(D, 6 * D) + 2 * (linear(D, MLP) + linear(MLP, D))
    assert count(single) == 3 * linear(D, D) + 2 * HEAD + linear(D, 3 * D) + linear(D, MLP) + linear(
        D + MLP, D
    )


def test_the_adapter_by_hand():
    assert count_adapter(10, D) == (27 * 10 + 10) + (27 * 100 + 10) + linear(10, D)
    real = MaskAdapter(AdapterConfig((3, 4, 4), D, cells=4, width=10))
    assert count_adapter(10, D) == sum(p.numel() for p in real.parameters())


@pytest.mark.parametrize("rank", [1, 4])
def test_lora_by_hand_and_in_proportion_to_the_rank(rank):
    transformer = build(TINY)
    with torch.device("meta"):
        add_lora(transformer, block_list(transformer), [0, 3], rank)
    own = sum(p.numel() for p in lora_parameters(transformer).values())
    assert own == rank * (8 + 3) * 2 * D, "eight projections of a dual block, three of a single one"
    assert own == rank * count_lora(build(TINY), [0, 3])


def test_lora_on_all_linear_layers_by_hand():
    single = block_list(build(TINY))[-1]
    assert count_linear_lora([single]) == 3 * 2 * D + (D + 3 * D) + (D + MLP) + (D + MLP + D)


def test_copies_have_a_zero_layer_each_and_a_patch_embedding_of_the_mask():
    blocks = block_list(build(TINY))
    expected = count(blocks[0]) + count(blocks[3]) + 2 * linear(D, D) + linear(4 * 4, D)
    assert count_copies(blocks, (0, 3), D) == expected


def test_nothing_is_allocated():
    transformer = build(TINY)
    with torch.device("meta"):
        add_lora(transformer, block_list(transformer), [1], 2)
    assert all(tensor.is_meta for tensor in (*transformer.parameters(), *transformer.buffers()))


def test_the_table_is_of_per_cents_of_the_whole():
    table = count_parameters(TINY, (0, 3))
    whole = count(build(TINY))
    assert table["backbone"] == {"parameters": whole, "blocks": 5, "width": D}
    for part in ("adapter", "lora", "controlnet"):
        for row in table[part]:
            assert row["percent"] == pytest.approx(100 * row["parameters"] / whole, abs=1e-3)
    assert table["controlnet"][0]["copies"] == "all 5 blocks"
    both = table["closest"]["training"]
    assert both["parameters"] == count_adapter(both["width"], D) + both["rank"] * 11 * 2 * D
    assert "per cent" in as_text(table)


def test_full_size_is_12_8_billion_and_the_closest_are_close():
    table = count_parameters()
    assert table["backbone"]["parameters"] / 1e9 == pytest.approx(12.8, abs=0.05)
    assert table["closest"]["inference"]["percent"] == pytest.approx(1.84, abs=0.05)
    assert table["closest"]["training"]["percent"] == pytest.approx(3.17, abs=0.02)
