"""The video VAE's shapes, causality and stillness."""

import pytest
import torch

from comogen_demo.backbones.mini.vae import VAEConfig, VideoVAE, to_frames, to_video

CONFIG = VAEConfig(latent_channels=4, widths=(16, 16), encoder_blocks=1, decoder_blocks=1)


def vae() -> VideoVAE:
    torch.manual_seed(0)
    model = VideoVAE(CONFIG).eval()
    for parameter in model.parameters():  # also those that start at zero
        torch.nn.init.normal_(parameter, std=0.1)
    return model


@torch.inference_mode()
def test_shapes_there_and_back():
    video = torch.rand(2, 3, 9, 32, 48) * 2 - 1
    latents = vae().encode(video)
    assert latents.shape == (2, 4, 3, 4, 6)
    assert vae().decode(latents).shape == video.shape


def test_other_frame_counts_are_refused():
    with pytest.raises(ValueError, match="4 n"):
        vae().encode(torch.zeros(1, 3, 8, 32, 32))


@torch.inference_mode()
def test_the_past_does_not_depend_on_the_future():
    video = torch.rand(1, 3, 13, 32, 32) * 2 - 1
    changed = video.clone()
    changed[:, :, 9:] = 0
    before, after = vae().encode(video), vae().encode(changed)
    assert torch.allclose(before[:, :, :3], after[:, :, :3], atol=1e-5)
    assert not torch.allclose(before[:, :, 3], after[:, :, 3], atol=1e-3)
    latents = torch.randn(1, 4, 4, 4, 4)
    other = latents.clone()
    other[:, :, 3] = 0
    assert torch.allclose(vae().decode(latents)[:, :, :9], vae().decode(other)[:, :, :9], atol=1e-5)


@torch.inference_mode()
def test_a_still_scene_has_the_same_latent_in_every_window():
    video = (torch.rand(1, 3, 1, 32, 32) * 2 - 1).expand(-1, -1, 13, -1, -1)
    latents = vae().encode(video)
    assert torch.allclose(latents, latents[:, :, :1].expand_as(latents), atol=1e-5)


def test_frames_survive_the_change_of_range():
    frames = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16, 1).expand(-1, 1, -1, -1, 3)
    assert torch.equal(to_frames(to_video(frames)), frames)
