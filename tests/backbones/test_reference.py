"""Starting from a video instead of from noise: clean latents in, a state of the backbone's own sampler out."""

import numpy as np
import pytest
import torch

from comogen_demo.control.dual_clock import Clocks, Reference

from .families import cogvideox, encoded, frame_for, hunyuan, wan

BACKBONES = {
    "hunyuan": lambda: hunyuan(),
    "hunyuan, concatenated": lambda: hunyuan("latent_concat"),
    "cogvideox": lambda: cogvideox(),
    "wan": lambda: wan(),
}
STEPS = 4


@pytest.fixture(params=BACKBONES)
def started(request):
    """A backbone, a video of it, its latents, and a new run."""
    backbone = BACKBONES[request.param]()
    frame = frame_for(backbone)
    video = np.stack([np.roll(frame, t, 1) for t in range(backbone.frames + backbone.lead)])
    negative = None if request.param.startswith("hunyuan") else encoded(backbone, 2)
    prompt = encoded(backbone, 1, negative)
    return backbone, video, backbone.encode(video), backbone.begin(frame, prompt, STEPS, 3)


def test_a_video_has_latents_of_the_runs_shape_and_comes_back(started):
    backbone, _, clean, run = started
    assert clean.shape == run.latents.shape
    assert backbone.decode(clean).shape == (backbone.frames, backbone.height, backbone.width, 3)


def test_states_lie_between_the_noise_and_the_video(started):
    _, _, clean, run = started
    assert torch.allclose(run.noised(clean, 0)[:, :, 1:], run.latents[:, :, 1:], atol=1e-5)
    assert torch.allclose(run.noised(clean, STEPS)[:, :, 1:], clean[:, :, 1:], atol=1e-5)


def test_states_are_the_schedulers(started):
    _, _, clean, run = started
    noise, t = run.beginning, run.scheduler.timesteps[2:3]
    add = getattr(run.scheduler, "scale_noise", None)
    expected = add(clean, t, noise) if add else run.scheduler.add_noise(clean, noise, t)
    assert torch.allclose(run.noised(clean, 2)[:, :, 1:], expected[:, :, 1:].to(clean.dtype), atol=1e-4)


def test_dual_clocks_start_late_and_hold_the_reference_inside_the_mask(started):
    backbone, video, clean, run = started
    masks = torch.zeros(len(video), backbone.height, backbone.width, dtype=torch.bool)
    masks[:, :, : backbone.width // 2] = True
    weak = run.levels[1]
    reference = Reference(clean, masks, Clocks(weak, 0.0))
    assert reference.begin(run) == 1
    half = clean.shape[-1] // 2
    for k in range(1, STEPS):
        run.step(k)
        free = run.latents.clone()
        reference.put_back(run, k + 1)
        assert torch.equal(run.latents[..., half:], free[..., half:]), "outside nothing is put back"
        if k + 1 < STEPS:
            assert torch.equal(run.latents[..., :half], run.noised(clean, k + 1)[..., :half])
    assert torch.isfinite(run.latents).all()
