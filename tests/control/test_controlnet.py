"""Copies of blocks: untrained they add nothing, trained they act where they should, and they leave no trace."""

import numpy as np
import pytest
import torch
from torch import nn

from comogen_demo.control.adapter import occupancy
from comogen_demo.control.controlnet import ControlNet, CopyInjection
from comogen_demo.training.control.trainable import make_trainable
from comogen_demo.training.data.folder import Clip
from tests.backbones.families import FAMILIES, encoded
from tests.tiny import tiny_model

CELLS, LAYERS = 2, (0, 1)


@pytest.fixture(params=["mini", *FAMILIES])
def backbone(request):
    if request.param == "mini":
        return tiny_model().backbone
    backbone = FAMILIES[request.param]()
    negative = encoded(backbone, 2)
    backbone.encode_prompt = lambda text, frame: encoded(backbone, 1, negative)
    return backbone


def net_for(backbone, layers=LAYERS, trained=False):
    net = ControlNet(backbone.blocks, layers, backbone.token_width, CELLS)
    if trained:
        generator = torch.Generator().manual_seed(3)
        for layer in (net.embed, *net.outputs):
            layer.weight.data.normal_(0, 0.3, generator=generator)
    return net


def clip_for(backbone):
    shape = (backbone.frames, backbone.height, backbone.width)
    masks = np.zeros(shape, bool)
    for t in range(backbone.frames):
        masks[t, 8:20, 2 + t : 14 + t] = True
    frames = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    return Clip("clip", frames, masks, "the red cube")


def covered(backbone):
    masks = torch.from_numpy(clip_for(backbone).masks)
    return occupancy(torch.cat([masks[:1]] * backbone.lead + [masks])[None], backbone.token_grid, CELLS)


def denoise(backbone, net=None, weight=1.0, layers=LAYERS, steps=2):
    """The latents of a short run."""
    frame = clip_for(backbone).frames[0]
    run = backbone.begin(frame, backbone.encode_prompt("the red cube", frame), steps, 5)
    with (
        CopyInjection(backbone.blocks, net or net_for(backbone, layers)) as injection,
        torch.inference_mode(),
    ):
        if net is not None:
            injection.tokens, injection.weight = net(covered(backbone)), weight
        for k in range(steps):
            run.step(k)
    return run.latents


def hooks(backbone):
    return sum(len(block._forward_hooks) + len(block._forward_pre_hooks) for block in backbone.blocks)


def test_untrained_it_is_the_base_bit_for_bit(backbone):
    base = denoise(backbone)
    assert torch.equal(denoise(backbone, net_for(backbone)), base)
    everywhere = tuple(range(len(backbone.blocks)))
    assert torch.equal(denoise(backbone, net_for(backbone, everywhere), layers=everywhere), base)
    assert hooks(backbone) == 0


def test_trained_it_changes_the_video_and_without_it_the_base_is_back(backbone):
    base, net = denoise(backbone), net_for(backbone, trained=True)
    moved = denoise(backbone, net)
    assert not torch.allclose(moved, base, atol=1e-3)
    assert torch.equal(denoise(backbone, net, weight=0.0), base)
    assert torch.equal(denoise(backbone, net), moved), "nothing is left of the run before"
    assert torch.equal(denoise(backbone), base)


def test_the_mask_is_what_they_follow(backbone):
    """With the same weights another mask gives another video."""
    net = net_for(backbone, trained=True)
    moved = denoise(backbone, net)
    net.embed.weight.data.zero_()
    assert not torch.equal(denoise(backbone, net), moved)


def test_a_copy_starts_as_its_block(backbone):
    """Passed on as it is, an untrained copy's output doubles its block's, in every pass of the guidance."""
    net, seen = net_for(backbone, (0,)), []
    first, following = backbone.blocks[0], backbone.blocks[1]
    net.outputs[0].weight.data.copy_(torch.eye(backbone.token_width))
    own = first.register_forward_hook(
        lambda block, args, output: seen.append((output[0] if isinstance(output, tuple) else output).clone())
    )  # before the injection's
    given = following.register_forward_pre_hook(
        lambda block, args, kwargs: seen.append((args[0] if args else kwargs["hidden_states"]).clone()),
        with_kwargs=True,
    )
    denoise(backbone, net, steps=1)
    own.remove()
    given.remove()
    assert len(seen) == (4 if backbone.name in ("wan", "hunyuan") else 2)
    for alone, doubled in zip(seen[::2], seen[1::2], strict=True):
        torch.testing.assert_close(doubled, 2 * alone)


class Broken(Exception):
    pass


def test_hooks_are_gone_after_an_exception(backbone):
    net = net_for(backbone, trained=True)
    with pytest.raises(Broken), CopyInjection(backbone.blocks, net) as injection:
        injection.tokens = net(covered(backbone))
        assert hooks(backbone) == len(LAYERS)
        raise Broken
    assert hooks(backbone) == 0 and injection.tokens is None


def gradients(backbone, net, checkpointing=False):
    """Of the training's loss, for one clip."""
    trainable = make_trainable(backbone)
    transformer = getattr(backbone.denoiser, "transformer", backbone.denoiser)
    samples = {key: value[None] for key, value in trainable.encode(clip_for(backbone)).items()}
    noise = torch.randn(samples["latents"].shape, generator=torch.Generator().manual_seed(1))
    net.zero_grad()
    transformer.train()
    (
        transformer.enable_gradient_checkpointing
        if checkpointing
        else transformer.disable_gradient_checkpointing
    )()
    with CopyInjection(backbone.blocks, net) as injection:
        injection.tokens, injection.weight = net(covered(backbone)), torch.full((1, 1, 1), 0.7)
        trainable.loss(samples, noise, torch.tensor([0.8])).mean().backward()
    return {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}


def test_gradients_reach_the_copies_and_not_the_backbone(backbone):
    net = net_for(backbone, trained=True)
    found = gradients(backbone, net)
    for part in ("embed.", *(f"{kind}.{i}." for kind in ("copies", "outputs") for i in range(2))):
        assert any(found[name].abs().max() > 0 for name in found if name.startswith(part)), part
    assert all(p.grad is None for p in backbone.denoiser.parameters())


def test_untrained_only_the_outputs_learn_at_first(backbone):
    found = gradients(backbone, net_for(backbone))
    taught = {name.split(".")[0] for name, gradient in found.items() if gradient.any()}
    assert taught == {"outputs"}


def test_gradient_checkpointing_gives_the_same_gradients(backbone):
    """The blocks run again in the backward pass, the last one first, and their copies with them."""
    net = net_for(backbone, trained=True)
    plain, again = gradients(backbone, net), gradients(backbone, net, checkpointing=True)
    assert plain.keys() == again.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient)


def test_copies_learn_in_float32_beside_a_backbone_of_16_bits():
    backbone = FAMILIES["cogvideox"]()
    backbone.encode_prompt = lambda text, frame: encoded(backbone, 1, encoded(backbone, 2))
    net = net_for(backbone, trained=True)
    backbone.pipe.transformer.to(torch.bfloat16)
    found = gradients(backbone, net)
    assert found and all(gradient.dtype == torch.float32 for gradient in found.values())
    assert {p.dtype for p in backbone.denoiser.parameters()} == {torch.bfloat16}


def test_parameters_by_formula(backbone):
    net, width = net_for(backbone), backbone.token_width
    blocks = sum(p.numel() for layer in LAYERS for p in backbone.blocks[layer].parameters())
    expected = blocks + len(LAYERS) * (width**2 + width) + CELLS**2 * width + width
    assert sum(p.numel() for p in net.parameters()) == expected
    assert all(p.requires_grad for p in net.parameters())
    own = {p.data_ptr() for p in backbone.denoiser.parameters()}
    assert own.isdisjoint({p.data_ptr() for p in net.parameters()}), "copies, not the blocks themselves"


class Block(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, video, text):
        return self.factor * video + text.sum(1, keepdim=True), text + 1


def test_the_copies_are_a_network_of_their_own():
    """Video plus mask into the first, each one's output into the next, with its text."""
    blocks = nn.ModuleList([Block(2.0), Block(3.0), Block(5.0)])
    net = ControlNet(blocks, (0, 2), token_width=1)
    for layer, gain in zip(net.outputs, (10.0, 100.0), strict=True):
        layer.weight.data.fill_(gain)
    video, text = torch.full((1, 4, 1), 7.0), torch.ones(1, 1, 1)
    with CopyInjection(blocks, net) as injection:
        injection.tokens, injection.weight = torch.full((1, 4, 1), 0.5), 0.5
        for block in blocks:
            video, text = block(video, text)
    first = 2 * (7 + 0.5) + 1
    second = 5 * first + 2
    after = (2 * 7 + 1) + 0.5 * 10 * first
    after = 3 * after + 2
    after = 5 * after + 3 + 0.5 * 100 * second
    assert torch.equal(video, torch.full((1, 4, 1), after)) and torch.equal(text, torch.full((1, 1, 1), 4.0))


@pytest.mark.parametrize("layers", [(), (1, 0), (1, 1)])
def test_blocks_out_of_order_are_refused(layers):
    with pytest.raises(ValueError, match="ascending"):
        ControlNet([Block(1.0), Block(1.0)], layers, 1)
