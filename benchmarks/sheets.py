"""`python -m benchmarks.sheets`: the pictures of docs/faces.md, drawn anew."""

import dataclasses
import io
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from byel_tf.data.labels import DEFAULT_CLASSES
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program
from byel_tf.synthesis.action_units import ACTION_UNITS, shapes_of
from byel_tf.synthesis.contact_sheet import contact_sheet
from byel_tf.synthesis.domain import Domain, load_domain
from byel_tf.synthesis.drawing import renderer
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.prototype_sheet import (
    plain_face,
    prototype,
    prototype_sheet,
)
from byel_tf.synthesis.renderer import Renderer
from byel_tf.synthesis.sampling import sample_face

_JPEG_QUALITY = 82
# An expression's variant and two persons, for the sheet of heads.
_EXPRESSIONS = {
    ("anger", "clenched teeth"): (3, 9),
    ("disgust", "nose wrinkled"): (18, 5),
    ("fear", "stretched mouth"): (10, 22),
    ("happiness", "smile with teeth"): (9, 12),
    ("sadness", "lower lip pushed up"): (17, 16),
    ("surprise", "jaw dropped"): (8, 14),
}
_MOMENTS = (
    ("happiness", "delight"),
    ("happiness", "laugh, eyes closed"),
    ("anger", "roaring, lids squeezed"),
    ("anger", "bared teeth"),
    ("anger", "pouting"),
    ("fear", "bared teeth"),
    ("sadness", "sobbing, lids squeezed"),
    ("sadness", "wailing"),
    ("sadness", "eyes closed, mouth at rest"),
    ("surprise", "smiling"),
    ("surprise", "aghast"),
    ("surprise", "mouth closed"),
)
# What of a plain face is changed, by section and field.
_CIRCUMSTANCES: dict[str, dict[str, dict[str, Any]]] = {
    "child": {"growth": {"youth": 0.5}},
    "baby": {"growth": {"youth": 1.0}},
    "yaw 60": {"pose": {"yaw": 60.0}},
    "roll 35": {"pose": {"roll": 35.0, "pitch": 10.0}},
    "fringe": {"strands": {"kind": "fringe", "end": 1.3}},
    "lock": {"strands": {"kind": "lock", "side": 0.4, "end": -0.5}},
    "curtain": {"strands": {"kind": "curtain", "side": -0.5}},
    "visor": {"accessories": {"head_cover": "visor"}, "pose": {"yaw": -25.0}},
    "hat": {"accessories": {"head_cover": "hat"}},
    "hood": {"accessories": {"head_cover": "hood"}, "pose": {"yaw": 20.0}},
    "watermark": {"print": {"kind": "watermark", "opacity": 0.5, "luminance": 1.0,
                            "x": 0.0, "y": 0.05, "size": 0.11, "angle": 0.0}},
    "caption": {"print": {"kind": "caption", "opacity": 0.9, "luminance": 1.0,
                          "x": 0.0, "y": 0.4, "size": 0.1, "angle": 0.0}},
}  # fmt: skip
_WORN = {
    "accessories": {"cover_luminance": 0.15, "cover_saturation": 0.4},
    "headwear": {"edge": 4.2, "brim": 5.5, "slope": 12.0},
}
# Hands, and expressions that go with them.
_HANDS = {
    "palm": ("sadness", "neutral", "surprise"),
    "both": ("surprise", "fear", "happiness"),
    "fingers": ("fear", "fear", "neutral"),
    "nails": ("fear", "fear", "surprise"),
    "mouth": ("surprise", "disgust", "happiness"),
    "fist": ("sadness", "neutral", "anger"),
    "brow": ("sadness", "anger", "neutral"),
    "temples": ("fear", "anger", "sadness"),
}
# Grown-ups among MakeHuman's people, and anybody on other heads.
_PEOPLE = (3, 22, 14)


@dataclasses.dataclass(frozen=True)
class SheetsOptions:
    """Draw the sheets of docs/faces.md."""

    output: str = option("docs/images", "Folder of the pictures.")
    ict_facekit: str = option("ict-facekit", "As of `synthesize --head`.")
    makehuman: str = option("makehuman", "As of `synthesize --head`.")


def main(argv: Sequence[str]) -> None:
    """Parses the command line, draws and writes."""
    (options,) = parse(argv, SheetsOptions)
    ict, people = options.ict_facekit, options.makehuman
    heads = {
        "ict-facekit": ict,
        "ict-facekit\n+makehuman": f"{ict}+{people}",
        "makehuman": people,
        "built-in": "built-in",
    }
    folder = pathlib.Path(options.output)
    domain = load_domain("synthetic")
    for name, sheet in _sheets(domain, {n: renderer(h) for n, h in heads.items()}):
        file = io.BytesIO()
        image = Image.fromarray(sheet)
        image.save(file, "JPEG", quality=_JPEG_QUALITY, optimize=True)
        write_atomically(folder / name, file.getvalue())
        print(f"{folder / name}: {image.width} × {image.height}", flush=True)


def _sheets(
    domain: Domain, heads: Mapping[str, Renderer]
) -> Iterator[tuple[str, np.ndarray]]:
    ict, people = heads["ict-facekit"], heads["makehuman"]
    for name, draw in (("ict", ict), ("makehuman", people),
                       ("built_in", heads["built-in"])):  # fmt: skip
        faces = [
            sample_face(domain, expression, 1, 6 * column + row)
            for row, expression in enumerate(DEFAULT_CLASSES)
            for column in range(6)
        ]
        pictures = [draw.render(face, 80) for face in faces]
        yield f"faces_{name}.jpg", contact_sheet(pictures, 6)
    yield "heads.jpg", _of_heads(domain, heads)
    yield "movements_makehuman.jpg", _movements(domain, people)
    yield "moments.jpg", _moments(domain, heads)
    yield "hands.jpg", _hands(domain, heads)
    for name, draw in (("ict", ict), ("makehuman", people)):
        sheet = prototype_sheet(domain, tuple(domain.expressions), [draw], _PEOPLE)
        height, width = sheet.shape[:2]
        smaller = Image.fromarray(sheet).resize((width * 3 // 4, height * 3 // 4))
        yield f"prototypes_{name}.jpg", np.asarray(smaller)


def _table(
    columns: Sequence[str], rows: Mapping[str, Sequence[np.ndarray]]
) -> np.ndarray:
    """Rows of pictures of one size under captions, beside names."""
    size = len(next(iter(rows.values()))[0])
    width = size * len(next(iter(rows.values()))) // len(columns)
    sheet = Image.new(
        "RGB", (90 + width * len(columns), 16 + size * len(rows)), "white"
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(9)
    for number, caption in enumerate(columns):
        pen.text((92 + number * width, 2), caption, "black", font)
    for row, (name, pictures) in enumerate(rows.items()):
        top = 16 + row * size
        pen.text((4, top + size // 2 - 8), name, "black", font)
        for column, picture in enumerate(pictures):
            sheet.paste(Image.fromarray(picture), (90 + column * size, top))
    return np.asarray(sheet)


def _variant(domain: Domain, expression: str, name: str, person: int) -> Face:
    variants = domain.expressions[expression].variants
    (variant,) = (one for one in variants if one.name == name)
    return prototype(domain, expression, variant, person)


def _changed(face: Face, changes: Mapping[str, Mapping[str, Any]]) -> Face:
    sections = {
        section: dataclasses.replace(getattr(face, section), **fields)
        for section, fields in changes.items()
    }
    return dataclasses.replace(face, **sections)


def _of_heads(domain: Domain, heads: Mapping[str, Renderer]) -> np.ndarray:
    faces = [
        _variant(domain, *named, person)
        for named, persons in _EXPRESSIONS.items()
        for person in persons
    ]
    rows = {
        name: [draw.render_clean(face, 104) for face in faces]
        for name, draw in heads.items()
    }
    return _table([f"{e}: {v}" for e, v in _EXPRESSIONS], rows)


def _movements(domain: Domain, draw: Renderer) -> np.ndarray:
    pictures = []
    for name in ACTION_UNITS:
        weights = dict.fromkeys(shapes_of(name), 1.0)
        if name == "mouthClose":  # of an open jaw
            weights["jawOpen"] = 0.9
        face = plain_face(domain, "neutral", weights, _PEOPLE[0])
        picture = Image.new("RGB", (96, 109), "white")
        picture.paste(Image.fromarray(draw.render_clean(face, 96)), (0, 13))
        pen, font = ImageDraw.Draw(picture), ImageFont.load_default(9)
        pen.text((2, 1), name, "black", font)
        pictures.append(np.asarray(picture))
    return contact_sheet(pictures, 9)


def _moments(domain: Domain, heads: Mapping[str, Renderer]) -> np.ndarray:
    smile = dict.fromkeys(shapes_of("mouthSmile"), 0.5)
    rows, others = {}, {}
    for row, (head, draw) in enumerate(heads.items()):
        people = [_PEOPLE[(column + row) % 3] for column in range(len(_MOMENTS))]
        rows[head] = [
            draw.render_clean(_variant(domain, *named, person), 92)
            for named, person in zip(_MOMENTS, people, strict=True)
        ]
        others[head] = []
        for name, changes in _CIRCUMSTANCES.items():
            weights = smile if name in ("child", "baby") else {}
            face = plain_face(domain, "neutral", weights, people[len(others[head])])
            face = _changed(_changed(face, _WORN), changes)
            others[head].append(draw.render_clean(face, 92))
    captions = [f"{name}: {variant.split(',')[0]}"[:19] for name, variant in _MOMENTS]
    return np.concatenate([_table(captions, rows), _table([*_CIRCUMSTANCES], others)])


def _hands(domain: Domain, heads: Mapping[str, Renderer]) -> np.ndarray:
    plain = {"noise": 0.0, "jpeg_quality": 0.0, "resolution": 1.0, "blur": 0.0}
    pictures, number = [], 0
    for hand, expressions in _HANDS.items():
        changes = {"accessories": {"hand": hand, "glasses": "none"}, "image": plain}
        for draw in heads.values():
            for expression in expressions:
                index = number * domain.pictures_of_a_person
                face = sample_face(domain, expression, 4, index)
                pictures.append(draw.render(_changed(face, changes), 112))
                number += 1
    return contact_sheet(pictures, 12)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
