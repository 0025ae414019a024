"""Every backbone in training: its error is that of its own sampler's estimate, and both stages teach it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from comogen_demo.backbones.base import Prompt
from comogen_demo.control.schedule import progress_of
from comogen_demo.errors import UserError
from comogen_demo.training.control.mini import SIGMA_FLOOR
from comogen_demo.training.control.samples import SampleCache
from comogen_demo.training.control.trainable import make_trainable
from comogen_demo.training.control.trainer import ControlTrainer
from comogen_demo.training.data.folder import Clip, write_clip
from tests.backbones.families import FAMILIES, encoded
from tests.tiny import tiny_model
from tests.training.control.tiny_run import SETTINGS
from tests.training.data.made import square

STEPS, K = 4, 1


def backbone_of(family):
    if family == "mini":
        return tiny_model().backbone
    backbone = FAMILIES[family]()
    backbone.encode_prompt = lambda text, frame: encoded(backbone)
    return backbone


@pytest.mark.parametrize("family", ["mini", *FAMILIES])
def test_the_error_is_that_of_the_samplers_own_estimate(family):
    """Conditions, scales, times and targets all go into it: the network's error in training, at the time of a step of
    the sampler, is what that step's estimate of the clean latents misses, over the level of the noise."""
    backbone = backbone_of(family)
    trainable = make_trainable(backbone)
    rng = np.random.default_rng(0)
    shape = (backbone.frames, backbone.height, backbone.width, 3)
    clip = Clip("clip", rng.integers(0, 255, shape, dtype=np.uint8), np.ones(shape[:3], bool), "the red cube")
    samples = {key: value[None] for key, value in trainable.encode(clip).items()}
    clean = samples["latents"]
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    prompt = backbone.encode_prompt(clip.caption, clip.frames[0])
    run = backbone.begin(clip.frames[0], prompt, STEPS, 0)
    assert run.latents.shape == clean.shape, "what is kept of a clip is what the sampler makes"
    sigma = run.levels[K]
    signal = 1 - sigma
    if family == "cogvideox":  # variance preserving
        scale = (sigma**2 + signal**2) ** 0.5
        sigma, signal = sigma / scale, signal / scale
        u = 1 - K / STEPS
    elif family == "mini":
        u = 1 - progress_of(sigma, backbone.shift)
    else:
        config = backbone.pipe.scheduler.config
        u = 1 - progress_of(sigma, config.flow_shift if family == "wan" else config.shift)
    pinned = 0 if family in ("cogvideox", "hunyuan-33ch") else 1
    noisy = signal * clean + sigma * noise
    run.latents = torch.cat([clean[:, :, :pinned], noisy[:, :, pinned:]], 2)
    missed = (run.step(K) - clean)[:, :, pinned:]
    level = max(sigma, SIGMA_FLOOR) if family == "mini" else sigma
    expected = float((missed**2).mean()) / level**2
    with torch.no_grad():
        found = trainable.loss(samples, noise, torch.tensor([u]))
    assert found.shape == (1,) and float(found) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("family", FAMILIES)
def test_both_stages_teach_every_family(family, tmp_path):
    backbone = backbone_of(family)
    trainable = make_trainable(backbone)
    for i in range(2):
        frames, masks = square(height=backbone.height, width=backbone.width)
        write_clip(
            tmp_path / "data",
            f"clip-{i}",
            np.roll(frames, i, 1),
            np.roll(masks, i, 1),
            "it moves",
            backbone.fps,
        )
    cache = SampleCache(tmp_path / "samples", tmp_path / "data", trainable, SETTINGS.cells)
    assert [finding.fault for finding in cache.fill()] == ["", ""]
    before = {name: value.clone() for name, value in backbone.denoiser.state_dict().items()}
    settings = replace(SETTINGS, adapter_epochs=1, lora_epochs=1)
    trainer = ControlTrainer(trainable, (1, 2), cache, settings, tmp_path, Accelerator(cpu=True))
    for stage in ("adapter", "lora"):
        list(trainer.run(stage))
        losses = [figures["loss"] for figures in trainer.record.stages[stage]["curve"]]
        assert len(losses) == 1 and np.isfinite(losses).all()
    assert trainer.adapter.out.weight.abs().max() > 0
    after = backbone.denoiser.state_dict()
    for name, value in before.items():
        place = name if name in after else name.replace(".weight", ".base_layer.weight")
        place = place if place in after else name.replace(".bias", ".base_layer.bias")
        assert torch.equal(after[place], value), name
    taught = {name for name, value in after.items() if ".lora_B" in name and value.abs().max() > 0}
    assert taught and taught == {name for name in after if ".lora_B" in name}


def test_text_encoders_may_go(tmp_path):
    for family in FAMILIES:
        backbone = backbone_of(family)
        make_trainable(backbone).forget_encoders()
        assert backbone.pipe.text_encoder is None and backbone.pipe.vae is not None


def test_a_backbone_nobody_taught_to_learn_is_named():
    class Other:
        name = "other"

    with pytest.raises(UserError, match="other cannot be trained"):
        make_trainable(Other())


def test_prompts_are_kept_for_validation():
    from comogen_demo.training.control.validation import KnownPrompts

    backbone = tiny_model().backbone
    frames = np.zeros((9, 32, 32, 3), np.uint8)
    clip = Clip("a", frames, np.ones(frames.shape[:3], bool), "the red cube")
    known = KnownPrompts(backbone, [clip])
    backbone.encode_prompt = None
    assert isinstance(known.encode_prompt("the red cube", frames[0]), Prompt)
    assert known.frames == backbone.frames
