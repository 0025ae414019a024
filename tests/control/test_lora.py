"""LoRA sits on the attention of the Motion Layers and nowhere else."""

import pytest
import torch

from comogen_demo.control.lora import load_lora, lora_enabled, lora_parameters
from tests.tiny import tiny_model


def inputs(model):
    torch.manual_seed(3)
    prompt = model.backbone.encode_prompt("the red cube slides")
    latents = torch.randn(model.backbone.latent_shape)
    return latents, 0.5, latents[:, :, :1], prompt


def test_lora_is_on_attention_projections_of_the_motion_layers_only():
    model = tiny_model(lora_rank=2)
    names = lora_parameters(model.module)
    assert names
    for name in names:
        assert "transformer_blocks.0.attn." in name or "single_transformer_blocks.1.attn." in name, name
        assert "single_transformer_blocks.0" not in name
    # the dual block has eight projections, the single one three, with two matrices each
    assert len(names) == 2 * (8 + 3)


def test_switched_off_it_changes_nothing_and_on_it_does():
    plain, tuned = tiny_model(), tiny_model(lora_rank=2)  # the same seed, so the same base weights
    expected = plain.backbone.velocity(*inputs(plain))
    with lora_enabled(tuned.module, False):
        off = tuned.backbone.velocity(*inputs(tuned))
    with lora_enabled(tuned.module, True):
        on = tuned.backbone.velocity(*inputs(tuned))
    assert torch.equal(off, expected)
    assert not torch.equal(on, expected)


def test_loading_names_what_does_not_fit():
    model = tiny_model(lora_rank=2)
    state = {k: v.clone() for k, v in lora_parameters(model.module).items()}
    missing = sorted(state)[0]
    state.pop(missing)
    with pytest.raises(KeyError, match=missing.split(".")[2]):
        load_lora(model.module, state)
