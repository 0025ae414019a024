"""Grounding DINO with random weights at full size: words find boxes, as in the package and in transformers' port."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from comogen_demo.errors import UserError
from comogen_demo.selection.bert import TextEncoder, read_tokenizer
from comogen_demo.selection.choice import Models
from comogen_demo.selection.dino import BOX, TEXT, GroundingDino, read_phrases
from tests.selection.dino_port import port_state
from tests.selection.networks import know, left_empty, strip, write_dino, write_vocabulary

WORDS, CAPTION = "the red cube, man", "the red cube. man."
FRAME = strip()


class Files(NamedTuple):
    checkpoint: object
    vocabulary: object


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dino")
    vocabulary = write_vocabulary(folder)
    return Files(write_dino(folder, vocabulary), vocabulary)


@pytest.fixture(scope="module")
def dino(files):
    """Grounding DINO as it is chosen where its weights are."""
    with pytest.MonkeyPatch.context() as patch, left_empty():
        know(patch, files.checkpoint.parent)
        finder = Models().finder()
    assert isinstance(finder, GroundingDino) and finder.device == "cpu"
    return finder


@pytest.fixture(scope="module")
def outputs(dino):
    """What the network itself gave when FRAME was searched, and what was found."""
    kept = []
    hook = dino._network.register_forward_hook(lambda _, __, out: kept.append(out))
    found = dino.find(FRAME, WORDS)
    hook.remove()
    return kept[0], found


@pytest.fixture(scope="module")
def theirs(files, tmp_path_factory):
    """The package's own script with the same weights: boxes, scores, phrases.

    Only its two getters of tokenizer and text encoder, which would fetch them, are replaced.
    """
    from groundingdino.config import GroundingDINO_SwinT_OGC as config
    from groundingdino.util import get_tokenlizer
    from groundingdino.util.inference import load_image, load_model, predict

    path = tmp_path_factory.mktemp("picture") / "frame.png"
    Image.fromarray(FRAME).save(path)
    with pytest.MonkeyPatch.context() as patch, left_empty():
        patch.setattr(get_tokenlizer, "get_tokenlizer", lambda kind: read_tokenizer(files.vocabulary))
        patch.setattr(get_tokenlizer, "get_pretrained_language_model", lambda kind: TextEncoder())
        network = load_model(config.__file__, str(files.checkpoint))
    with pytest.warns() as _:
        result = predict(network, load_image(str(path))[1], CAPTION, BOX, TEXT, device="cpu")
    return result


def test_words_answer_as_in_the_package(outputs, theirs):
    _, found = outputs
    boxes, scores, phrases = theirs
    order = np.argsort(-scores.numpy(), kind="stable")
    assert len(boxes) > 5 and len(set(scores.tolist())) > 5, "the comparison has something to compare"
    assert [one.confidence for one in found] == pytest.approx(scores.numpy()[order][: len(found)], abs=1e-4)
    height, width = FRAME.shape[:2]
    for one, index in zip(found, order, strict=False):
        x, y, w, h = boxes[index].tolist()
        edges = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * [width, height, width, height]
        assert one.box == pytest.approx(np.clip(edges, 0, [width, height, width, height]), abs=1e-3)
        assert one.words and set(one.words.split()) <= {"the", "red", "cube", "man"}
        assert set(one.words.split()) <= set(phrases[index].split()) or not set(phrases[index].split()) - {
            "[CLS]",
            "[SEP]",
        }


def test_other_words_find_other_things(dino, outputs):
    other = dino.find(FRAME, "ball")
    assert {one.words for one in other} == {"ball"}
    assert [one.box for one in other] != [one.box for one in outputs[1]]


def test_the_port_of_transformers_answers_the_same(files, dino, outputs):
    from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection

    own, _ = outputs
    port, loading = GroundingDinoForObjectDetection.from_pretrained(
        None,
        config=GroundingDinoConfig(),
        state_dict=port_state(dino._network.state_dict()),
        output_loading_info=True,
    )
    assert not loading["unexpected_keys"] and not loading["mismatched_keys"]
    assert all("layernorm" in key and "encoder" not in key for key in loading["missing_keys"]), loading[
        "missing_keys"
    ]
    from comogen_demo.selection.dino import _picture

    words = read_tokenizer(files.vocabulary)(CAPTION, return_tensors="pt")
    with torch.inference_mode():
        out = port.eval()(pixel_values=_picture(FRAME)[None], **words)
    count = words["input_ids"].shape[1]
    boxes, scores = own["pred_boxes"][0], own["pred_logits"][0, :, :count]
    assert boxes.std() > 0.01 and scores[:, 1:].std() > 0.01, "the comparison has something to compare"
    # The package keeps places 1e-3 away from the edges, the port 1e-5: nothing comes so near here.
    assert boxes.min() > 2e-3 and boxes[:, :2].max() < 1 - 2e-3
    ours, its = torch.cat([boxes, scores], 1), torch.cat([out.pred_boxes[0], out.logits[0, :, :count]], 1)
    apart = (ours[:, None] - its[None]).abs().amax(2)  # of each answer to each, as their order may differ
    assert apart.amin(1).max() < 1e-4 and apart.amin(0).max() < 1e-4


def test_phrases_stand_apart_by_commas_and_full_stops():
    assert read_phrases(" The  red cube,man.\nball; ") == ["The red cube", "man", "ball"]


@pytest.mark.parametrize(("words", "said"), [(" ,. ", "no words"), ("cube " * 60, "200 letters")])
def test_too_few_and_too_many_words_are_refused(words, said):
    with pytest.raises(UserError, match=said):
        read_phrases(words)


def test_another_vocabulary_is_refused(files, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n")
    with pytest.raises(UserError, match="has 2 entries, expected the 30522"):
        GroundingDino(files.checkpoint, path)


def test_a_truncated_checkpoint_is_one_sentence(files, tmp_path):
    path = tmp_path / "groundingdino_swint_ogc.pth"
    with files.checkpoint.open("rb") as whole:
        path.write_bytes(whole.read(1 << 20))
    with pytest.raises(UserError, match=r"is damaged .* Grounding DINO: delete it"):
        GroundingDino(path, files.vocabulary)
