"""Grounding DINO's network around a given text encoder; the package would fetch one at every start.

Imported late: it brings torch, transformers and groundingdino.
"""

from __future__ import annotations

import copy
from typing import Any

from groundingdino.config import GroundingDINO_SwinT_OGC as config
from groundingdino.models.GroundingDINO.backbone import build_backbone
from groundingdino.models.GroundingDINO.bertwarper import BertModelWarper
from groundingdino.models.GroundingDINO.groundingdino import GroundingDINO
from groundingdino.models.GroundingDINO.transformer import build_transformer
from groundingdino.models.GroundingDINO.utils import MLP, ContrastiveEmbed
from groundingdino.util.slconfig import SLConfig
from torch import nn

from .bert import TextEncoder


class Detector(GroundingDINO):
    """GroundingDINO as the package builds it by its SwinT OGC configuration, its parts and their names the same.

    Only the two calls that fetch a tokenizer and BERT from the network are left out; `forward` is the package's.
    """

    def __init__(self, tokenizer: Any):
        nn.Module.__init__(self)  # not GroundingDINO's, which fetches
        args = SLConfig.fromfile(config.__file__)
        args.use_checkpoint = args.use_transformer_ckpt = False  # they save memory in training
        self.backbone, self.transformer = build_backbone(args), build_transformer(args)
        self.hidden_dim = width = self.transformer.d_model
        self.num_feature_levels = args.num_feature_levels
        self.max_text_len, self.sub_sentence_present = args.max_text_len, args.sub_sentence_present

        self.tokenizer, self.bert = tokenizer, BertModelWarper(TextEncoder())
        self.specical_tokens = tokenizer.convert_tokens_to_ids(
            ["[CLS]", "[SEP]", ".", "?"]
        )  # the package's spelling
        self.feat_map = nn.Linear(self.bert.config.hidden_size, width)

        channels = self.backbone.num_channels
        smaller = args.num_feature_levels - len(channels)
        inner = [_projection(count, width, kernel_size=1) for count in channels]
        outer = [
            _projection(channels[-1] if not n else width, width, kernel_size=3, stride=2, padding=1)
            for n in range(smaller)
        ]
        self.input_proj = nn.ModuleList(inner + outer)

        boxes, classes = MLP(width, width, 4, 3), ContrastiveEmbed()
        layers = self.transformer.num_decoder_layers
        self.bbox_embed = nn.ModuleList([boxes] * layers)  # one and the same for every layer
        self.class_embed = nn.ModuleList([classes] * layers)
        self.transformer.decoder.bbox_embed, self.transformer.decoder.class_embed = (
            self.bbox_embed,
            self.class_embed,
        )
        self.transformer.enc_out_bbox_embed = copy.deepcopy(boxes)
        self.transformer.enc_out_class_embed = copy.deepcopy(classes)


def _projection(channels: int, width: int, **shape: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, width, **shape), nn.GroupNorm(32, width))  # type: ignore[arg-type]
