"""The weights of groundingdino under the names that transformers' port of it was published with."""

from __future__ import annotations

import re

import torch

# In this order: patterns of groundingdino's names -> the port's.
SWIN = "model.backbone.conv_encoder.model."
NAMES = [
    (r"^bert\.", "model.text_backbone."),
    (r"^feat_map\.", "model.text_projection."),
    (r"^input_proj\.", "model.input_proj_vision."),
    (r"^backbone\.0\.patch_embed\.proj\.", SWIN + "embeddings.patch_embeddings.projection."),
    (r"^backbone\.0\.patch_embed\.norm\.", SWIN + "embeddings.norm."),
    (r"^backbone\.0\.norm1\.", SWIN + "hidden_states_norms.stage2."),
    (r"^backbone\.0\.norm2\.", SWIN + "hidden_states_norms.stage3."),
    (r"^backbone\.0\.norm3\.", SWIN + "hidden_states_norms.stage4."),
    (r"^backbone\.0\.layers\.", SWIN + "encoder.layers."),
    (r"(blocks\.\d+)\.norm1\.", r"\1.layernorm_before."),
    (r"(blocks\.\d+)\.norm2\.", r"\1.layernorm_after."),
    (r"(blocks\.\d+)\.attn\.proj\.", r"\1.attention.output.dense."),
    (r"(blocks\.\d+)\.attn\.", r"\1.attention.self."),
    (r"(blocks\.\d+)\.mlp\.fc1\.", r"\1.intermediate.dense."),
    (r"(blocks\.\d+)\.mlp\.fc2\.", r"\1.output.dense."),
    (
        r"^transformer\.encoder\.layers\.(\d+)\.self_attn\.",
        r"model.encoder.layers.\1.deformable_layer.self_attn.",
    ),
    (
        r"^transformer\.encoder\.layers\.(\d+)\.norm1\.",
        r"model.encoder.layers.\1.deformable_layer.self_attn_layer_norm.",
    ),
    (
        r"^transformer\.encoder\.layers\.(\d+)\.norm2\.",
        r"model.encoder.layers.\1.deformable_layer.final_layer_norm.",
    ),
    (r"^transformer\.encoder\.layers\.(\d+)\.linear", r"model.encoder.layers.\1.deformable_layer.fc"),
    (
        r"^transformer\.encoder\.text_layers\.(\d+)\.norm1\.",
        r"model.encoder.layers.\1.text_enhancer_layer.layer_norm_before.",
    ),
    (
        r"^transformer\.encoder\.text_layers\.(\d+)\.norm2\.",
        r"model.encoder.layers.\1.text_enhancer_layer.layer_norm_after.",
    ),
    (r"^transformer\.encoder\.text_layers\.(\d+)\.linear", r"model.encoder.layers.\1.text_enhancer_layer.fc"),
    (r"^transformer\.encoder\.text_layers\.(\d+)\.", r"model.encoder.layers.\1.text_enhancer_layer."),
    (r"^transformer\.encoder\.fusion_layers\.(\d+)\.", r"model.encoder.layers.\1.fusion_layer."),
    (r"gamma_v$", "vision_param"),
    (r"gamma_l$", "text_param"),
    (r"layer_norm_v\.", "layer_norm_vision."),
    (r"layer_norm_l\.", "layer_norm_text."),
    (r"_v_proj\.", "_vision_proj."),
    (r"_l_proj\.", "_text_proj."),
    (r"fusion_layer\.attn\.v_proj\.", "fusion_layer.attn.vision_proj."),
    (r"fusion_layer\.attn\.l_proj\.", "fusion_layer.attn.text_proj."),
    (r"^transformer\.decoder\.layers\.(\d+)\.cross_attn\.", r"model.decoder.layers.\1.encoder_attn."),
    (r"^transformer\.decoder\.layers\.(\d+)\.norm1\.", r"model.decoder.layers.\1.encoder_attn_layer_norm."),
    (r"^transformer\.decoder\.layers\.(\d+)\.ca_text\.", r"model.decoder.layers.\1.encoder_attn_text."),
    (
        r"^transformer\.decoder\.layers\.(\d+)\.catext_norm\.",
        r"model.decoder.layers.\1.encoder_attn_text_layer_norm.",
    ),
    (r"^transformer\.decoder\.layers\.(\d+)\.norm2\.", r"model.decoder.layers.\1.self_attn_layer_norm."),
    (r"^transformer\.decoder\.layers\.(\d+)\.norm3\.", r"model.decoder.layers.\1.final_layer_norm."),
    (r"^transformer\.decoder\.layers\.(\d+)\.linear", r"model.decoder.layers.\1.fc"),
    (r"^transformer\.decoder\.norm\.", "model.decoder.layer_norm."),
    (r"^transformer\.decoder\.ref_point_head\.", "model.decoder.reference_points_head."),
    (r"^transformer\.tgt_embed\.", "model.query_position_embeddings."),
    (r"^transformer\.enc_out_bbox_embed\.", "model.encoder_output_bbox_embed."),
    (r"^transformer\.", "model."),
]
UNUSED = (
    "relative_position_index",
    "bert.pooler.",
)  # the port makes the one itself and has no use for the other


def port_state(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """groundingdino's state dict as the port's: the names, and one matrix for queries, keys and values as three."""
    ported = {}
    for name, tensor in state.items():
        if any(part in name for part in UNUSED):
            continue
        for pattern, new in NAMES:
            name = re.sub(pattern, new, name)
        together = re.search(r"\.(qkv\.|in_proj_)(weight|bias)$", name)
        if together:
            for part, own in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                ported[f"{name[: together.start()]}.{part}.{together[2]}"] = own.clone()
        else:
            ported[name] = tensor.clone()
    return ported
