"""The form in which MakeHuman's converted data are kept."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import pathlib
import zipfile

import numpy as np

from byel_tf.synthesis.heads.head import Shape
from byel_tf.synthesis.heads.makehuman.formats import Fit
from byel_tf.synthesis.heads.makehuman.layout import Parts, Worn

_NOTICE = (
    "Made from data of the MakeHuman project, http://www.makehumancommunity.org, which "
    "are in the public domain by CC0 1.0."
)
_PLAIN = ("base", "body", "regions", "triangles", "places", "landmarks", "eyes")
_SHAPES = ("targets", "units")
_SHA256_BYTES = 32
# What decides the converted data beside the files.
_CODE = ("cache.py", "formats.py", "layout.py", "reading.py")


def cache_file(folder: pathlib.Path, digest: str) -> pathlib.Path:
    """Where converted data are kept.

    Args:
        folder: The cache.
        digest: Of the files they are made from. What the present code makes of them
            has a name of its own.
    """
    made = hashlib.sha256(digest.encode())
    for name in _CODE:
        made.update(pathlib.Path(__file__).with_name(name).read_bytes())
    return folder / f"makehuman-{made.hexdigest()[:16]}.head"


def encode(parts: Parts) -> bytes:
    """A checksum and the parts."""
    arrays: dict[str, np.ndarray] = {"notice": np.array(_NOTICE)}
    arrays.update({name: getattr(parts, name) for name in _PLAIN})
    for kind in _SHAPES:
        shapes = getattr(parts, kind)
        arrays[f"{kind}/names"] = np.array(list(shapes))
        arrays[f"{kind}/counts"] = np.array([len(s.indices) for s in shapes.values()])
        arrays[f"{kind}/indices"] = np.concatenate(
            [shape.indices for shape in shapes.values()]
        )
        arrays[f"{kind}/offsets"] = np.concatenate(
            [shape.offsets for shape in shapes.values()]
        )
    for name, worn in parts.worn.items():
        arrays[f"worn/{name}/triangles"] = worn.triangles
        arrays[f"worn/{name}/places"] = worn.places
        for field in dataclasses.fields(Fit):
            value = getattr(worn.fit, field.name)
            arrays[f"worn/{name}/fit/{field.name}"] = value
    arrays.update({f"pictures/{name}": one for name, one in parts.pictures.items()})
    file = io.BytesIO()
    np.savez(file, **arrays)
    data = file.getvalue()
    return hashlib.sha256(data).digest() + data


def decode(data: bytes) -> Parts | None:
    """The parts of what `encode` made, or None where it is damaged."""
    if hashlib.sha256(data[_SHA256_BYTES:]).digest() != data[:_SHA256_BYTES]:
        return None
    try:
        arrays = np.load(io.BytesIO(data[_SHA256_BYTES:]), allow_pickle=False)
    except (ValueError, zipfile.BadZipFile):
        return None

    def shapes(kind: str) -> dict[str, Shape]:
        ends = np.cumsum(arrays[f"{kind}/counts"])[:-1]
        return {
            str(name): Shape(indices, offsets)
            for name, indices, offsets in zip(
                arrays[f"{kind}/names"],
                np.split(arrays[f"{kind}/indices"], ends),
                np.split(arrays[f"{kind}/offsets"], ends),
                strict=True,
            )
        }

    def below(start: str, end: str) -> list[str]:
        return [name[len(start) : len(name) - len(end)] for name in arrays.files
                if name.startswith(start) and name.endswith(end)]  # fmt: skip

    def fit(name: str) -> Fit:
        return Fit(**{
            field.name: arrays[f"worn/{name}/fit/{field.name}"]
            for field in dataclasses.fields(Fit)
        })  # fmt: skip

    return Parts(
        **{name: arrays[name] for name in _PLAIN},
        **{kind: shapes(kind) for kind in _SHAPES},
        worn={
            name: Worn(fit(name), arrays[f"worn/{name}/triangles"],
                       arrays[f"worn/{name}/places"])
            for name in below("worn/", "/triangles")
        },
        pictures={
            name: arrays[f"pictures/{name}"] for name in below("pictures/", "")
        },
    )  # fmt: skip
