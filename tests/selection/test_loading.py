"""A checkpoint is read without running anything in it, and one that is not right is one sentence."""

import time

import pytest
import torch

from comogen_demo.errors import UserError
from comogen_demo.selection.loading import load

RIGHT = {"weight": torch.full((2, 2), 3.0), "bias": torch.ones(2)}


def network():
    return torch.nn.Linear(2, 2)


def test_every_tensor_gets_its_place_under_the_names_of_the_network(tmp_path):
    path = tmp_path / "good.pt"
    torch.save({"model": {f"module.{name}": tensor for name, tensor in RIGHT.items()}}, path)
    filled = load(
        network, path, "A model", lambda state: {name.removeprefix("module."): t for name, t in state.items()}
    )
    assert all((filled.state_dict()[name] == tensor).all() for name, tensor in RIGHT.items())


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('it was run')",)


WRONG = {
    "a tensor too few": {"model": {"weight": RIGHT["weight"]}},
    "a tensor too many": {"model": RIGHT | {"more": torch.ones(2)}},
    "another shape": {"model": RIGHT | {"bias": torch.ones(3)}},
    "no model": RIGHT,
    "a list": [torch.ones(2)],
    "no tensors": {"model": 5},
    "a function": {"model": time.sleep},
    "code": {"model": Evil()},
}


@pytest.mark.parametrize("kind", [*WRONG, "truncated", "text", "empty", "missing"])
def test_a_file_that_is_not_right_is_one_sentence(tmp_path, kind):
    path = tmp_path / "bad.pt"
    if kind in WRONG:
        torch.save(WRONG[kind], path)
    elif kind == "truncated":
        torch.save({"model": RIGHT}, path)
        path.write_bytes(path.read_bytes()[:-400])
    elif kind != "missing":
        path.write_text("<html>404</html>" if kind == "text" else "")
    with pytest.raises(UserError) as caught:
        load(network, path, "A model")
    assert str(caught.value) == (
        f"The file {path} is damaged or holds no weights of A model: delete it and download it again."
    )
