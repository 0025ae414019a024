"""What all large backbones promise to the control code: where it acts, and that it leaves no trace."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import CogVideoXTransformer3DModel, HunyuanVideoTransformer3DModel, WanTransformer3DModel

from comogen_demo.backbones.large import token_words
from comogen_demo.backbones.registry import PRESETS, find_preset
from comogen_demo.control.injection import Injection
from comogen_demo.control.lora import lora_parameters
from comogen_demo.errors import UserError
from comogen_demo.generate import Result, Settings, generate
from tests.backbones.families import FAMILIES, controlled, denoise, encoded, frame_for, hunyuan

SETTINGS = Settings(steps=2, seed=5)


@pytest.fixture(params=FAMILIES)
def backbone(request):
    return FAMILIES[request.param]()


def masks_for(backbone):
    masks = np.zeros((9, backbone.height, backbone.width), bool)
    for t in range(9):
        masks[t, 8:20, 2 + 2 * t : 14 + 2 * t] = True
    return masks


def make(model, settings=SETTINGS, masked=True):
    backbone = model.backbone
    masks = masks_for(backbone) if masked else None
    *_, result = generate(model, frame_for(backbone), masks, "the cube", settings, previews=False)
    assert isinstance(result, Result)
    return result.frames


def tokens_at(blocks):
    """Records what video tokens each block is called with."""
    seen = [[] for _ in blocks]

    def note(places, args, kwargs):
        places.append((args[0] if args else kwargs["hidden_states"]).clone())

    for block, places in zip(blocks, seen, strict=True):
        block.register_forward_pre_hook(
            lambda _, args, kwargs, places=places: note(places, args, kwargs), with_kwargs=True
        )
    return seen


def hooks(model):
    return sum(len(block._forward_pre_hooks) for block in model.backbone.blocks)


def test_no_mask_and_strength_zero_are_the_bare_backbone_bit_for_bit(backbone):
    prompt = encoded(backbone, 1, encoded(backbone, 2))
    bare = backbone.decode(denoise(backbone, prompt, steps=2)[0].latents)
    model = controlled(backbone)
    moved = make(model)
    assert not np.array_equal(moved, bare)
    assert np.array_equal(make(model, masked=False), bare)
    assert np.array_equal(make(model, replace(SETTINGS, strength=0.0)), bare)
    assert np.array_equal(make(model), moved), "the same again: nothing is left of the run before"
    assert moved.shape == (9, backbone.height, backbone.width, 3)


def test_the_first_latent_is_the_images_whatever_the_control(backbone):
    """Where it is given; CogVideoX and HunyuanVideo's first release make it again."""
    given = backbone.name == "wan" or (backbone.name == "hunyuan" and not backbone.lead)
    model, decode, made = controlled(backbone), backbone.decode, []
    backbone.decode = lambda latents: made.append(latents) or decode(latents)
    make(model)
    make(model, masked=False)
    held, free = made
    assert torch.equal(held[:, :, 0], free[:, :, 0]) == given
    assert not torch.equal(held[:, :, 1:], free[:, :, 1:])


def test_control_changes_nothing_before_the_first_motion_layer_and_both_passes_after_it(backbone):
    model = controlled(backbone)
    seen = tokens_at(backbone.blocks)
    make(model, replace(SETTINGS, steps=1), masked=False)
    make(model, replace(SETTINGS, steps=1))
    half = len(seen[0]) // 2
    batched = backbone.name == "cogvideox"  # guidance in one call with a batch of two
    assert half == (1 if batched else 2)
    for free, held in zip(seen[0][:half], seen[0][half:], strict=True):
        assert torch.equal(free, held)
    for free, held in zip(seen[1][:half], seen[1][half:], strict=True):
        assert torch.equal(free, held), "seen before the residual is added"
    for free, held in zip(seen[2][:half], seen[2][half:], strict=True):
        assert held.shape[0] == (2 if batched else 1)
        assert ((held - free).abs().amax((1, 2)) > 1e-3).all()


def test_the_residual_itself_comes_before_the_first_motion_layer(backbone):
    grid, width = backbone.token_grid, backbone.token_width
    residual = torch.randn(1, int(np.prod(grid)), width)
    prompt = encoded(backbone, 1, encoded(backbone, 2))
    denoising = backbone.begin(frame_for(backbone), prompt, 2, 0)
    with Injection(backbone.blocks, [1]) as injection:
        seen = tokens_at(backbone.blocks)  # after the injection's own hooks
        denoising.step(0)
        injection.residual = residual
        backbone.begin(frame_for(backbone), prompt, 2, 0).step(0)
    half = len(seen[1]) // 2
    for free, held in zip(seen[1][:half], seen[1][half:], strict=True):
        assert torch.equal(held, free + residual)
    assert torch.equal(seen[0][0], seen[0][half])


def test_tokens_are_in_the_grids_order(backbone):
    """A change of one place in the latents reaches one token, the one at that place of the flattened grid."""
    prompt = encoded(backbone)
    seen = tokens_at(backbone.blocks)
    windows, rows, columns = backbone.token_grid
    for changed in (False, True):
        denoising = backbone.begin(frame_for(backbone), prompt, 2, 0)
        if changed:
            latents = denoising.latents.clone()
            latents[:, :, windows - 1, 2:4, 0:2] += 1
            denoising.latents = latents
        denoising.step(0)
    plain, other = seen[0]
    places = (plain != other).any(2)[0].nonzero().flatten().tolist()
    assert places == [((windows - 1) * rows + 1) * columns]


def test_lora_is_on_the_attention_of_the_motion_layers_only(backbone):
    model = controlled(backbone, layers=(0, 2))
    own = {id(p) for layer in (0, 2) for p in backbone.blocks[layer].parameters()}
    parameters = lora_parameters(model.module)
    assert all(id(p) in own for p in parameters.values())
    assert all(".attn" in name for name in parameters)
    # projections of block 0 and block 2: a dual and a single block, two alike, two with cross-attention
    projections = {"hunyuan": 8 + 3, "cogvideox": 4 + 4, "wan": 8 + 8}[backbone.name]
    assert len(parameters) == 2 * projections


class Broken(Exception):
    pass


def test_hooks_are_gone_after_an_exception_and_after_a_run_that_is_given_up(backbone):
    model = controlled(backbone)
    masks = masks_for(backbone)
    given_up = generate(model, frame_for(backbone), masks, "", SETTINGS, previews=False)
    next(given_up)
    assert hooks(model) == 0, "between steps"
    given_up.close()

    def fail(*_):
        raise Broken

    bomb = backbone.blocks[2].register_forward_hook(fail)
    with pytest.raises(Broken):
        make(model)
    bomb.remove()
    assert hooks(model) == 0


def test_a_model_without_control_refuses_masks(backbone):
    model = controlled(backbone, layers=(), rank=0)
    with pytest.raises(UserError, match="has no control"):
        make(model)
    assert make(model, replace(SETTINGS, strength=0.0)).shape[0] == 9


@pytest.mark.parametrize(
    ("change", "words"),
    [({"frames": 10}, "4n \\+ 1 frames, not 10: choose 9"), ({"width": 40}, "not 40 x 32: choose 32 x 32")],
)
def test_sizes_that_cannot_be_made_are_refused(change, words):
    backbone = hunyuan()
    with pytest.raises(UserError, match=words):
        type(backbone)(backbone.pipe, replace(backbone.preset, **change))


def test_every_preset_can_be_made():
    for name, preset in PRESETS.items():
        assert find_preset(name) is preset
        assert preset.frames % 4 == 1 and preset.width % 16 == preset.height % 16 == 0
    assert len(PRESETS["hunyuan"].motion_layers) == 11
    for name in ("hunyuan", "hunyuan-33ch"):
        assert all(place in PRESETS[name].licence for place in ("European", "Kingdom", "Korea"))
    with pytest.raises(UserError, match="choose one of hunyuan"):
        find_preset("sora")


def test_parameters_are_those_of_the_published_configurations():
    shared = {"attention_head_dim": 128, "num_attention_heads": 24}
    with torch.device("meta"):
        full = {
            "hunyuan": HunyuanVideoTransformer3DModel(image_condition_type="token_replace", **shared),
            "cogvideox": CogVideoXTransformer3DModel(
                num_attention_heads=48, num_layers=42, in_channels=32, use_rotary_positional_embeddings=True
            ),
            "wan": WanTransformer3DModel(
                in_channels=48, out_channels=48, ffn_dim=14336, num_layers=30, **shared
            ),
        }
    for name, model in full.items():
        count = sum(parameter.numel() for parameter in model.parameters())
        assert count / 1e9 == pytest.approx(PRESETS[name].parameters, rel=0.01)


def test_words_of_tokens():
    text = "A cube, and"
    spans = [(0, 0), (0, 1), (1, 4), (4, 6), (6, 7), (7, 9), (9, 11), (11, 11)]
    assert token_words(text, spans) == ("", "a", "cube", "cube", "", "and", "and", "")
