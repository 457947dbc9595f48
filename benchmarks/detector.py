"""What the face detectors find, and where there is nothing; and in what time.

`python -m benchmarks.detector --output=detector.json --photographs=FOLDER` prints a
table and writes its numbers. The photographs are pictures with a face each, as of
FER2013's public test split; without them those rows are left out. Drawn faces are of
other persons than those that `flags/detector.cfg` draws, before backgrounds of another
generator. Pictures without a face are parts of the photographs that scikit-learn ships
and more of those backgrounds. One thread.
"""

import dataclasses
import functools
import json
import math
import pathlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import threadpoolctl
from PIL import Image, ImageDraw, ImageFont

from byel_tf.detection.detectors import DETECTORS, make_detector
from byel_tf.detection.frame import FACE_SIDE, frames_of
from byel_tf.detection.own import OwnDetector
from byel_tf.detection.training.drawn import MarkedRenderer
from byel_tf.detection.weights import parse_weights
from byel_tf.errors import RunError, UsageError
from byel_tf.faces.detector import DetectedFace, FaceDetector
from byel_tf.files import write_atomically
from byel_tf.flagging import option, parse
from byel_tf.program import run_program
from byel_tf.synthesis.domain import load_domain
from byel_tf.synthesis.heads.load import load_head
from byel_tf.synthesis.sampling import sample_face

# A face is found if one is answered whose middle is this near, in eye–mouth distances,
# and whose size differs by no more than this factor.
_NEAR, _FACTOR = 0.5, 1.6
# Sides of drawn faces and their rolls in degrees, from and to.
_SIZES = ((16, 24), (24, 48), (48, 100), (100, 200), (200, 400))
_ROLLS = ((0, 15), (15, 45), (45, 90))
_SCENE = (640, 480)
_DRAWN_SIZE = 64
# Larger heads are drawn in this size and enlarged.
_LARGEST_DRAWN = 400


@dataclasses.dataclass(frozen=True)
class DetectorBenchmarkOptions:
    """Compare face detectors."""

    output: str = option(dataclasses.MISSING, "JSON file to write.", path="local")
    detectors: str = option(",".join(DETECTORS), "Which, as a,b,c.")
    weights: str = option(
        "", "weights.npz of a training, instead of the package's.", path="local"
    )
    photographs: str = option(
        "", "Folder of pictures with a face each, of any depth.", path="local"
    )
    head: str = option("built-in", "As for byel_tf.cli.synthesize.", path="local")
    confidence: float = option(0.8, "Least confidence of a face.", lower=0, upper=1)
    drawn: int = option(400, "Drawn faces of each domain.", lower=1)
    placed: int = option(40, "Drawn faces of each size and roll.", lower=1)
    faceless: int = option(600, "Pictures without a face, of each kind.", lower=1)
    timed: int = option(25, "Repetitions that are timed.", lower=1)
    seed: int = option(977, "Decides what is drawn.", lower=0)


def main(argv: Sequence[str]) -> None:
    """Parses the command line, measures and prints."""
    (options,) = parse(argv, DetectorBenchmarkOptions)
    detectors = {
        name: _detector(name, options) for name in options.detectors.split(",")
    }
    cv2.setNumThreads(1)
    with threadpoolctl.threadpool_limits(1):
        rows = _measure(detectors, options)
    print(f"{'':44}" + "".join(f"{name:>22}" for name in detectors))
    for label, values in rows.items():
        shown = "".join(f"{_text(values.get(name)):>22}" for name in detectors)
        print(f"{label:44}{shown}")
    result = dataclasses.asdict(options) | {"rows": rows}
    write_atomically(options.output, json.dumps(result, indent=2) + "\n")


def _detector(name: str, options: DetectorBenchmarkOptions) -> FaceDetector:
    if name not in DETECTORS:
        raise UsageError(
            f"--detectors={options.detectors}: expected some of {', '.join(DETECTORS)}"
        )
    if name == "own" and options.weights:
        content = pathlib.Path(options.weights).read_bytes()
        weights = parse_weights(content, options.weights)
        return OwnDetector(options.confidence, weights)
    return make_detector(name, options.confidence)


def _measure(detectors: dict[str, FaceDetector], options) -> dict[str, dict]:
    """Rows of the table: by label, what each detector achieved."""
    rows: dict[str, dict] = {}

    def add(label: str, measure: Callable[[FaceDetector], dict]) -> None:
        rows[label] = {name: measure(each) for name, each in detectors.items()}
        print(f"{label}: {rows[label]}", file=sys.stderr, flush=True)

    if options.photographs:
        pictures = _read_pictures(options.photographs)
        found = {
            name: [each.largest(picture) for picture in pictures]
            for name, each in detectors.items()
        }
        rows["photographs: found"] = {
            name: _share(sum(face is not None for face in faces), len(faces))
            for name, faces in found.items()
        }
        if "mtcnn" in found:
            rows["photographs: away from mtcnn's points"] = {
                name: _agreement(faces, found["mtcnn"]) for name, faces in found.items()
            }
    for domain in ("synthetic", "shifted"):
        drawn = list(_drawn(options, domain))
        add(f"drawn, {domain}: found", lambda d, some=drawn: _found(d, some)[0])
        add(f"drawn, {domain}: points away", lambda d, some=drawn: _found(d, some)[1])
    for size in _SIZES:
        placed = list(_placed(options, size, _ROLLS[0]))
        label = f"drawn in pictures, {size[0]} to {size[1]} pixels"
        add(f"{label}: found", lambda d, some=placed: _found(d, some)[0])
        add(f"{label}: points away", lambda d, some=placed: _found(d, some)[1])
    for roll in _ROLLS[1:]:
        placed = list(_placed(options, (24, 200), roll))
        label = f"drawn in pictures, rolled {roll[0]} to {roll[1]} degrees"
        add(f"{label}: found", lambda d, some=placed: _found(d, some)[0])
    for kind, make in (("photographs", _tiles), ("made", _made)):
        pictures = list(make(options))
        add(f"no face, {kind}: false faces in", lambda d, p=pictures: _false(d, p))
    for size in ((48, 48), (1000, 750)):
        picture = _busy_picture(size)
        label = f"{size[0]} x {size[1]} pixels: milliseconds"
        add(label, lambda d, p=picture: _milliseconds(d, p, options.timed))
    return rows


def _text(value: dict | None) -> str:
    if value is None or value.get("value") is None:
        return "-"
    if "low" in value:
        share, low, high = (100 * value[key] for key in ("value", "low", "high"))
        return f"{share:.1f} % ({low:.1f}-{high:.1f})"
    if "p90" in value:
        return f"{value['value']:.3f} (p90 {value['p90']:.3f})"
    return f"{value['value']:.1f}"


def _share(count: int, total: int) -> dict:
    """A share with Wilson's 95 % interval."""
    share, z = count / total, 1.96
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total)
    half *= math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    ends = {"low": max(0.0, middle - half), "high": min(1.0, middle + half)}
    return {"value": share, **ends, "count": count, "of": total}


def _read_pictures(folder: str) -> list[Image.Image]:
    """All pictures under a folder.

    Raises:
      RunError: If there are none.
    """
    suffixes = (".png", ".jpg", ".jpeg")
    paths = sorted(
        path
        for path in pathlib.Path(folder).rglob("*")
        if path.suffix.lower() in suffixes
    )
    if not paths:
        raise RunError(f"no pictures ({', '.join(suffixes)}) in {folder}")
    pictures = []
    for path in paths:
        with Image.open(path) as image:
            pictures.append(image.convert("RGB"))
    return pictures


def points_of(face: DetectedFace) -> np.ndarray:
    """The five points, [5, 2]."""
    return np.array(
        [face.left_eye, face.right_eye, face.nose, face.mouth_left, face.mouth_right]
    )


def _away(points: np.ndarray, true: np.ndarray) -> float:
    """Mean distance of five points from the true ones, in eye–mouth distances."""
    distance = np.hypot(*frames_of(true[None])[0, 2:])
    return float(np.hypot(*(points - true).T).mean() / distance)


def _agreement(faces: Sequence, others: Sequence) -> dict:
    """Median and 90th percentile where both found one."""
    away = [
        _away(points_of(face), points_of(other))
        for face, other in zip(faces, others, strict=True)
        if face is not None and other is not None
    ]
    return _quantiles(away)


def _quantiles(away: Sequence[float]) -> dict:
    if not away:
        return {"value": None}
    return {
        "value": float(np.mean(away)),
        "median": float(np.median(away)),
        "p90": float(np.quantile(away, 0.9)),
    }


def _found(detector: FaceDetector, drawn: Sequence) -> tuple[dict, dict]:
    """How many were found, and how far the points of those are away."""
    away = []
    for picture, true in drawn:
        frame = frames_of(true[None])[0]
        distance = np.hypot(*frame[2:])
        near = []
        for face in detector.all(picture):
            points = points_of(face)
            own = frames_of(points[None])[0]
            ratio = np.hypot(*own[2:]) / distance
            if (
                np.hypot(*(own[:2] - frame[:2])) < _NEAR * distance
                and 1 / _FACTOR < ratio < _FACTOR
            ):
                near.append(_away(points, true))
        if near:
            away.append(min(near))
    return _share(len(away), len(drawn)), _quantiles(away)


def _false(detector: FaceDetector, pictures: Sequence[Image.Image]) -> dict:
    count = sum(detector.largest(picture) is not None for picture in pictures)
    return _share(count, len(pictures))


def _milliseconds(detector: FaceDetector, picture: Image.Image, times: int) -> dict:
    """Median processor time."""
    detector.largest(picture)
    spent = []
    for _ in range(times):
        start = time.process_time()
        detector.largest(picture)
        spent.append(time.process_time() - start)
    return {"value": 1000 * float(np.median(spent))}


def _drawn(options, domain: str) -> Iterator[tuple[Image.Image, np.ndarray]]:
    """Faces as `byel_tf.cli.synthesize` draws them, and their points."""
    described = load_domain(domain)
    renderer = _renderer(options.head)
    expressions = list(described.expressions)
    for i in range(options.drawn):
        expression = expressions[i % len(expressions)]
        number = i * described.pictures_of_a_person
        face = sample_face(described, expression, options.seed, number)
        picture = renderer.render(face, _DRAWN_SIZE)
        yield Image.fromarray(picture), renderer.points(face, _DRAWN_SIZE)


@functools.cache
def _renderer(head: str) -> MarkedRenderer:
    return MarkedRenderer(load_head(head))


def _placed(
    options, sizes: tuple[int, int], rolls: tuple[int, int]
) -> Iterator[tuple[Image.Image, np.ndarray]]:
    """Pictures of one drawn face, bare of hands, before a made background."""
    described = load_domain("synthetic")
    renderer = _renderer(options.head)
    expressions = list(described.expressions)
    for i in range(options.placed):
        draws = np.random.default_rng((options.seed, *sizes, *rolls, i))
        expression = expressions[i % len(expressions)]
        number = (1000 + i) * described.pictures_of_a_person
        face = sample_face(described, expression, options.seed, number)
        roll = float(draws.uniform(*rolls) * draws.choice([-1, 1]))
        face = dataclasses.replace(
            face,
            pose=dataclasses.replace(face.pose, roll=roll),
            camera=dataclasses.replace(face.camera, side=4.4, fit=0.3),
            accessories=dataclasses.replace(face.accessories, hand="none"),
        )
        size = math.exp(draws.uniform(*np.log(sizes)))
        side = round(size * 4.4 / FACE_SIDE)
        drawn = min(side, _LARGEST_DRAWN)
        pictures = []
        for luminance in (0.0, 1.0):
            background = dataclasses.replace(
                face.background,
                kind="plain",
                luminance=luminance,
                colourfulness=0.0,
                grain=0.0,
            )
            plain = dataclasses.replace(face, background=background)
            pixels = Image.fromarray(renderer.render_clean(plain, drawn))
            pixels = pixels.resize((side, side), Image.Resampling.BICUBIC)
            pictures.append(np.asarray(pixels, np.float32))
        points = renderer.points(face, drawn) * side / drawn
        opacity = 1 - (pictures[1] - pictures[0]).mean(axis=2, keepdims=True) / 255
        behind = np.asarray(next(_backgrounds(draws, _SCENE)).convert("RGB"))
        middle = frames_of(points[None])[0, :2]
        centre = [draws.uniform(0.45 * size, n - 0.45 * size) if n > size else n / 2
                  for n in _SCENE]  # fmt: skip
        left, top = (round(c - m) for c, m in zip(centre, middle, strict=True))
        scene = Image.fromarray(behind)
        mask = Image.fromarray((opacity[..., 0].clip(0, 1) * 255).astype(np.uint8))
        front = pictures[0] / np.maximum(opacity, 1e-3)
        front = Image.fromarray(front.clip(0, 255).astype(np.uint8))
        scene.paste(front, (left, top), mask)
        yield scene, points + [left, top]


def _tiles(options) -> Iterator[Image.Image]:
    """Parts of a photograph of a temple and of one of a flower."""
    from sklearn.datasets import load_sample_images

    draws = np.random.default_rng((options.seed, 1))
    photographs = load_sample_images().images
    for i in range(options.faceless):
        photograph = photographs[i % 2]
        height, width = photograph.shape[:2]
        side = int(math.exp(draws.uniform(math.log(40), math.log(400))))
        x, y = draws.integers(width - side + 1), draws.integers(height - side + 1)
        tile = Image.fromarray(photograph[y : y + side, x : x + side])
        yield tile if draws.random() < 0.5 else tile.transpose(draws.integers(7))


def _made(options) -> Iterator[Image.Image]:
    """Made backgrounds of 48 to 400 pixels."""
    draws = np.random.default_rng((options.seed, 2))
    for _ in range(options.faceless):
        side = int(math.exp(draws.uniform(math.log(48), math.log(400))))
        yield next(_backgrounds(draws, (side, side)))


def _backgrounds(draws, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Clouds by their spectrum, cells about points, lines of text, heaps of boxes."""
    width, height = size
    while True:
        kind = draws.integers(4)
        if kind == 0:
            across = np.fft.rfftfreq(width)[None]
            down = np.fft.fftfreq(height)[:, None]
            fall = np.hypot(across, down)
            fall[0, 0] = np.inf
            waves = draws.normal(size=(3, *fall.shape)) + 1j * draws.normal(
                size=(3, *fall.shape)
            )
            waves = waves / fall ** draws.uniform(0.5, 2)
            clouds = np.fft.irfft2(waves, (height, width))
            clouds = clouds[:1] + 0.4 * clouds
            clouds = 127 + draws.uniform(20, 70) * clouds / clouds.std()
            pixels = clouds.transpose(1, 2, 0)
        elif kind == 1:
            count = int(draws.integers(5, 120))
            places = draws.uniform(0, 1, (count, 2)) * size
            y, x = np.mgrid[:height, :width]
            nearest = np.full((height, width), np.inf)
            pixels = np.zeros((height, width, 3))
            colours = draws.uniform(0, 255, (count, 3))
            for place, colour in zip(places, colours, strict=True):
                away = np.hypot(x - place[0], y - place[1])
                pixels[away < nearest] = colour
                nearest = np.minimum(nearest, away)
            pixels += draws.uniform(-3, 3) * nearest[..., None]
        else:
            image = Image.new("RGB", size, tuple(draws.integers(0, 256, 3).tolist()))
            draw = ImageDraw.Draw(image)
            for _ in range(draws.integers(3, 60)):
                colour = tuple(draws.integers(0, 256, 3).tolist())
                x, y = draws.uniform(-0.1, 1, 2) * size
                if kind == 2:
                    letters = "".join(map(chr, draws.integers(33, 127, 14)))
                    font = ImageFont.load_default(float(draws.uniform(8, 60)))
                    draw.text((x, y), letters, colour, font)
                    continue
                reach = draws.uniform(0.02, 0.5, 2) * size
                corners = [x, y, x + reach[0], y + reach[1]]
                shape = (draw.rectangle, draw.ellipse)[draws.integers(2)]
                shape(corners, colour, outline=(0, 0, 0), width=int(draws.integers(4)))
            pixels = np.asarray(image).astype(float)
            pixels = pixels + draws.normal(0, draws.uniform(0, 12), pixels.shape)
        yield Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _busy_picture(size: tuple[int, int]) -> Image.Image:
    """The temple, in a size."""
    from sklearn.datasets import load_sample_images

    return Image.fromarray(load_sample_images().images[0]).resize(size)


def run() -> int:
    """Runs the program; returns its exit code."""
    return run_program(main, sys.argv)


if __name__ == "__main__":
    sys.exit(run())
