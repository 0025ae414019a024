"""The three families of large backbones, tiny and with random weights: the real code, affordable in tests."""

from __future__ import annotations

import re
from dataclasses import replace

import torch
from diffusers import (
    AutoencoderKLHunyuanVideo,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoImageToVideoPipeline,
    HunyuanVideoTransformer3DModel,
)
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from comogen_demo.backbones.hunyuan import DEFAULT_PROMPT_TEMPLATE, HunyuanBackbone
from comogen_demo.backbones.registry import PRESETS

TEXT_WIDTH, POOLED_WIDTH = 16, 8
HEADERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<image>")
SENTENCE = "the red cube slides to left and its relationships with a blue sphere"


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Every weight random, the zero-initialised ones too, so that every part has an effect."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        wide = parameter.ndim > 1
        parameter.data.normal_(0 if wide else 0.1, 0.3 if wide else 0.1, generator=generator)
    return module.eval().requires_grad_(False)


def tokenizer(*extra: str, bos: str = "", eos: str = "") -> PreTrainedTokenizerFast:
    """A token a word, sign or run of new lines; "relationships" is two."""
    special = ["<pad>", "<unk>", *(x for x in (bos, eos) if x), *extra]
    pattern = r"\n+|relation|\w+|[^\w\s]+"
    text = re.sub("|".join(map(re.escape, HEADERS)), " ", DEFAULT_PROMPT_TEMPLATE["template"])
    known = sorted(set(re.findall(pattern, f"{text} {SENTENCE}")))
    vocabulary = {word: i for i, word in enumerate([*special, *known])}
    fast = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    fast.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    fast.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}".strip(), special_tokens=[(x, vocabulary[x]) for x in (bos, eos) if x]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=fast, pad_token="<pad>", unk_token="<unk>", additional_special_tokens=list(extra)
    )


def hunyuan(
    condition: str = "token_replace",
    true_cfg: float = 1.0,
    guided: bool = True,
    text: bool = False,
    dtype: torch.dtype = torch.float32,
) -> HunyuanBackbone:
    """Two dual and two single blocks of width 32, 32 x 32 pixels, nine frames; text: with LLaVA and CLIP."""
    channels = 4
    transformer = HunyuanVideoTransformer3DModel(
        in_channels=channels if condition == "token_replace" else 2 * channels + 1,
        out_channels=channels,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=2,
        num_single_layers=2,
        num_refiner_layers=1,
        mlp_ratio=2.0,
        guidance_embeds=guided,
        text_embed_dim=TEXT_WIDTH,
        pooled_projection_dim=POOLED_WIDTH,
        rope_axes_dim=(4, 6, 6),
        image_condition_type=condition,
    )
    vae = AutoencoderKLHunyuanVideo(
        latent_channels=channels,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
    )
    parts = hunyuan_text() if text else dict.fromkeys(HUNYUAN_TEXT)
    pipe = HunyuanVideoImageToVideoPipeline(
        transformer=randomise(transformer).to(dtype),
        vae=randomise(vae, 1).to(dtype),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        **parts,
    )
    preset = replace(PRESETS["hunyuan"], width=32, height=32, frames=9, true_cfg=true_cfg)
    return HunyuanBackbone(pipe, preset)


HUNYUAN_TEXT = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "image_processor")


def hunyuan_text() -> dict[str, object]:
    """A LLaVA whose penultimate hidden state is its word embeddings, and a CLIP."""
    llama, clip = tokenizer(*HEADERS, bos="<s>"), tokenizer(bos="<s>", eos="</s>")
    llava = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(
                hidden_size=8,
                intermediate_size=8,
                num_hidden_layers=2,
                num_attention_heads=1,
                image_size=48,
                patch_size=2,
            ),
            text_config=LlamaConfig(
                vocab_size=len(llama),
                hidden_size=TEXT_WIDTH,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=1,
                num_key_value_heads=1,
            ),
            image_token_index=llama.convert_tokens_to_ids("<image>"),
            pad_token_id=llama.pad_token_id,
        )
    )
    pooled = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(clip),
            hidden_size=POOLED_WIDTH,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            eos_token_id=clip.convert_tokens_to_ids("</s>"),
        )
    )
    size = {"height": 48, "width": 48}
    picture = CLIPImageProcessor(size={"shortest_edge": 48}, crop_size=size)
    return dict(
        zip(HUNYUAN_TEXT, (randomise(llava, 2), llama, randomise(pooled, 3), clip, picture), strict=True)
    )
