"""Weights of other people's models: which there are, where they lie on this machine, and fetching them.

A file is looked for in checkpoints/, then in the cache of huggingface_hub. What is fetched goes to checkpoints/, beside
its final name until the whole of it has the right checksum; a part that is there is gone on with.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import UserError
from .files import check_writable

FOLDER = Path(__file__).resolve().parent.parent / "checkpoints"
TRIES = 4  # connections that one download may take (our choice)
SILENCE = 30.0  # seconds without a byte after which a connection counts as broken off


@dataclass(frozen=True)
class Weights:
    """One file: `name` for the user, `file` its name here and in `repository` on Hugging Face, its size in `bytes`, its
    sha256, the `licence` (an SPDX name) it is under, and `what` it is for.

    git: in place of the sha256, the id that git has for it; folder: below checkpoints/, for the files of one model.
    """

    name: str
    file: str
    repository: str
    bytes: int
    sha256: str
    licence: str
    what: str
    git: str = ""
    folder: str = ""

    @property
    def place(self) -> Path:
        """Where it lies here, once it was fetched."""
        return FOLDER / self.folder / self.file

    @property
    def url(self) -> str:
        """Where it is fetched from."""
        return f"{endpoint()}/{self.repository}/resolve/main/{self.file}"

    @property
    def size(self) -> str:
        """For the user: "156 MB"."""
        return f"{self.bytes / 1e6:.0f} MB" if self.bytes >= 1e6 else f"{self.bytes / 1e3:.0f} kB"


# Sizes and checksums are those that the files are known by in public, each found in several places independently.
KNOWN: dict[str, Weights] = {
    weights.file: weights
    for weights in (
        Weights(
            "SAM 2 tiny",
            "sam2.1_hiera_tiny.pt",
            "facebook/sam2.1-hiera-tiny",
            156_008_466,
            "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
            "Apache-2.0",
            "selecting and tracking; quick enough without a GPU",
        ),
        Weights(
            "SAM 2 small",
            "sam2.1_hiera_small.pt",
            "facebook/sam2.1-hiera-small",
            184_416_285,
            "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
            "Apache-2.0",
            "selecting and tracking",
        ),
        Weights(
            "SAM 2 base+",
            "sam2.1_hiera_base_plus.pt",
            "facebook/sam2.1-hiera-base-plus",
            323_606_802,
            "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
            "Apache-2.0",
            "selecting and tracking",
        ),
        Weights(
            "SAM 2 large",
            "sam2.1_hiera_large.pt",
            "facebook/sam2.1-hiera-large",
            898_083_611,
            "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
            "Apache-2.0",
            "selecting and tracking at its best, on a GPU",
        ),
        Weights(
            "Grounding DINO",
            "groundingdino_swint_ogc.pth",
            "ShilongLiu/GroundingDINO",
            693_997_677,
            "3b3ca2563c77c69f651d7bd133e97139c186df06231157a64c507099c52bc799",
            "Apache-2.0",
            "finding by words",
        ),
        Weights(
            "vocabulary of BERT",
            "vocab.txt",
            "google-bert/bert-base-uncased",
            231_508,
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            "Apache-2.0",
            "finding by words: Grounding DINO reads them by it",
        ),
    )
}


def endpoint() -> str:
    """Hugging Face, or the mirror that HF_ENDPOINT names."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def find_weights(weights: Weights) -> Path | None:
    """Where the whole file lies on this machine, by its size; None if nowhere. What is in it is seen on loading."""
    return next((path for path in _places(weights) if path.stat().st_size == weights.bytes), None)


def damage(weights: Weights) -> str:
    """What is wrong with a file that lies here but is not whole, to go into a sentence; "" where none does."""
    for path in _places(weights):
        size = path.stat().st_size
        if size != weights.bytes:
            return f"{path} is damaged ({size} of {weights.bytes} bytes): delete it and download it again"
    return ""


def by_hand(weights: Weights) -> str:
    """What to do without a download, to go into a sentence: which file to get from where, and where to put it."""
    return f"get {weights.url} ({weights.size}, {weights.licence}) and put it at {weights.place}"


def download(weights: Weights, report: Callable[[int, int], None]) -> Path:
    """Fetches the file into checkpoints/ and returns its path there; one that is there and whole is left alone.

    report(bytes done, bytes in all) is called as it goes on; what it raises stops the download. A download that was
    stopped or broke off goes on from there the next time. The file appears whole, its checksum proved, or not at all.
    Raises UserError when the server cannot be reached or does not give this file, and when there is no room for it.
    """
    target = weights.place
    if target.is_file() and target.stat().st_size == weights.bytes and _is_right(target, weights):
        return target
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    check_writable(part)
    missing = weights.bytes - (part.stat().st_size if part.exists() else 0)
    if shutil.disk_usage(FOLDER).free < missing:
        raise UserError(
            f"There is no room for {weights.file} ({weights.size}) in {FOLDER}: make some and try again."
        )
    with part.open("r+b" if part.exists() else "w+b") as file:
        _fetch(weights, file, report)
    if not _is_right(part, weights):
        part.unlink()
        raise UserError(
            f"What the server gave is not {weights.file}, by its checksum, so it was deleted: "
            f"try again, or {by_hand(weights)}."
        )
    part.replace(target)
    return target


def _places(weights: Weights) -> Iterator[Path]:
    """Where the file lies, whole or not: in checkpoints/, in the cache of huggingface_hub."""
    path = weights.place
    if path.is_file():
        yield path
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(weights.repository, weights.file)
    if isinstance(cached, str):
        yield Path(cached)


def _fetch(weights: Weights, file: BinaryIO, report: Callable[[int, int], None]) -> None:
    """Fills `file`, which may hold a beginning, up to weights.bytes."""
    import httpx
    from huggingface_hub import is_offline_mode

    if is_offline_mode():
        raise _unreachable(weights, "HF_HUB_OFFLINE is set")
    done = file.seek(0, os.SEEK_END)
    why = ""
    for _ in range(TRIES):
        try:
            for block in _blocks(weights, file) if done < weights.bytes else ():
                file.write(block)
                done = file.tell()
                report(min(done, weights.bytes), weights.bytes)
                if done > weights.bytes:
                    break
        except (httpx.RequestError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
        done = file.seek(0, os.SEEK_END)
        if done >= weights.bytes:
            return  # the checksum tells whether it is the right file
    if not done:
        raise _unreachable(weights, why)
    raise UserError(
        f"The download of {weights.file} broke off at {done / 1e6:.1f} of {weights.bytes / 1e6:.1f} MB; "
        f"what came is kept: try again to go on from there, or {by_hand(weights)}."
    )


def _blocks(weights: Weights, file: BinaryIO) -> Iterator[bytes]:
    """What one connection gives to go on with; `file` is left standing where that belongs."""
    import httpx

    done = file.seek(0, os.SEEK_END)
    # unpacked on the way, the bytes would not be those that the Range counts
    wanted = {"Range": f"bytes={done}-", "Accept-Encoding": "identity"}
    with httpx.stream("GET", weights.url, headers=wanted, follow_redirects=True, timeout=SILENCE) as answer:
        if answer.status_code not in (200, 206):
            raise _unreachable(weights, f"the server answers {answer.status_code}")
        if answer.status_code == 200:  # it knows no ranges, and begins anew
            file.seek(0)
            file.truncate()
        yield from answer.iter_raw()  # as they come: what is gathered into blocks is lost when it breaks off


def _unreachable(weights: Weights, why: str) -> UserError:
    return UserError(f"{weights.file} could not be fetched ({why}): {by_hand(weights)}.")


def _is_right(path: Path, weights: Weights) -> bool:
    if weights.git:
        data = path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest() == weights.git
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == weights.sha256
