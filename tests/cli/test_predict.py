"""The real program on a small exported model."""

import io
import json
import os
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from byel_tf.cli.predict import main, run
from byel_tf.data.image_files import ImageLimits, encode
from byel_tf.data.labels import DEFAULT_CLASSES, label_index
from byel_tf.errors import RunError, UsageError
from byel_tf.faces.crop import Box, crop
from byel_tf.faces.detector import FaceDetector
from byel_tf.serving.action_units import ActionUnitReader
from byel_tf.serving.export import ServingModule, export_saved_model
from byel_tf.serving.load import load_export

# Not in the challenge's order, nor all in its spelling.
CLASSES = ("Happy", "fear", "anger", "sad", "surprise", "disgust")
PROBABILITIES = list(CLASSES)
# What is said of an export that does not know.
WHOLE = (
    "crop: none, the model does not say how its training images were cropped; where to "
    "the face, give --crop=face\n"
)
MORE = ["time", "faces", "face", "left", "top", "right", "bottom"]


class Colours(tf.Module):
    """A classifier that looks at the mean colour of an image's upper half."""

    def __init__(self):
        super().__init__()
        kernel = np.random.default_rng(3).normal(size=(3, len(CLASSES))) * 4
        self.kernel = tf.Variable(kernel, dtype=tf.float32)

    def __call__(self, images, training):
        del training
        representation = tf.reduce_mean(images[:, :8], axis=(1, 2))
        return representation, representation @ self.kernel


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "export" / "1"
    module = ServingModule(Colours(), CLASSES, 16, temperature=2.0)
    export_saved_model(path, module, {"classes": list(CLASSES)})
    return path


@pytest.fixture(scope="module")
def model(export):
    return load_export(export)


def picture(number, size=(20, 24), mode="RGB"):
    generator = np.random.default_rng(number)
    colour = generator.integers(0, 256, (2, 1, 3), np.uint8)
    return Image.fromarray(colour).resize(size, Image.Resampling.NEAREST).convert(mode)


def saved(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Files of many kinds, some of them broken, and none."""
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "a/01.jpg": saved(picture(1), "JPEG"),
        "a/02.png": saved(picture(2), "PNG"),
        "a/03 grey.png": saved(picture(3, mode="L"), "PNG"),
        "a/04 turned.jpg": saved(picture(4), "JPEG", exif=turned),
        "a/05 turned.png": saved(picture(5), "PNG", exif=turned),
        "a/06.tiff": saved(picture(6, mode="CMYK"), "TIFF"),
        "a/07.gif": saved(picture(7), "GIF"),
        "a/08 alpha.png": saved(picture(8, mode="LA"), "PNG"),
        "b/09 truncated.jpg": saved(picture(9), "JPEG")[:-30],
        "b/10 damaged.png": saved(picture(10), "PNG")[:-20] + bytes(20),
        "b/11.txt": b"no image",
        "b/12 empty.png": b"",
        "b/13 16 bit.png": saved(Image.new("I;16", (9, 9), 40000), "PNG"),
        "b/14\nname.jpg": saved(picture(14), "JPEG"),
        "b/.hidden.jpg": saved(picture(15), "JPEG"),
    }
    for name, content in files.items():
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "images"


BROKEN = ("b/.hidden.jpg", "b/09 truncated.jpg", "b/10 damaged.png", "b/11.txt",
          "b/12 empty.png")  # fmt: skip


@pytest.fixture
def predict(export, tmp_path, monkeypatch, load_once):
    """Runs the program in a folder, in this process; reads its table."""
    monkeypatch.chdir(tmp_path)

    def run_main(*arguments, output="out.csv"):
        main(["predict.py", f"--model={export}", "--workers=1", *arguments,
              f"--output={output}"])  # fmt: skip
        if output.endswith(".csv"):
            return pd.read_csv(output)
        if output.endswith(".parquet"):
            return pd.read_parquet(output)
        return pd.read_json(output, lines=True)

    return run_main


def expected_of(model, paths):
    """What the model says of files as the import would keep them."""
    contents = [encode(path.read_bytes(), ImageLimits()).content for path in paths]
    outputs = model.signature(image_bytes=tf.constant(contents))
    return {name: value.numpy() for name, value in outputs.items()}


@pytest.mark.parametrize("workers", [1, 2])
def test_folder_with_broken_files(predict, model, folder, workers, capsys):
    table = predict("--input=images", "--batch_size=3", f"--workers={workers}")
    assert list(table) == ["path", "label", *CLASSES, "confidence", *MORE, "error"]
    assert table[MORE].isna().all(axis=None)
    names = sorted(os.path.relpath(p, folder) for p in folder.rglob("*") if p.is_file())
    assert table["path"].tolist() == [f"images/{name}" for name in names]
    failed = table["error"].notna()
    assert table["path"][failed].tolist() == [f"images/{name}" for name in BROKEN]
    assert table[["label", *CLASSES, "confidence"]][failed].isna().all(axis=None)
    good = table[~failed]
    expected = expected_of(model, [folder.parent / path for path in good["path"]])
    assert good["label"].tolist() == [label.decode() for label in expected["label"]]
    found = good[PROBABILITIES].to_numpy(np.float32)
    np.testing.assert_allclose(found, expected["probabilities"], rtol=1e-6)
    assert len(np.unique(found.round(4), axis=0)) == len(good)
    assert (good["confidence"] == good[PROBABILITIES].max(axis=1)).all()
    done = capsys.readouterr()
    assert (done.out, done.err) == ("", f"{WHOLE}15 images, 5 could not be read\n")
    assert sorted(p.name for p in folder.parent.iterdir()) == ["images", "out.csv"]


def test_reasons(predict, folder):
    errors = predict("--input=images", "--max_bytes=700").set_index("path")["error"]
    assert errors["images/b/11.txt"] == "cannot be decoded: text, not a picture"
    assert errors["images/b/12 empty.png"] == "empty file"
    assert errors["images/b/.hidden.jpg"] == "hidden or system file"
    assert errors["images/a/06.tiff"] == "larger than 700 bytes"
    assert errors["images/b/09 truncated.jpg"].startswith("cannot be decoded: ")
    assert errors["images/b/10 damaged.png"].startswith("cannot be decoded: ")


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_other_tables_hold_the_same(predict, model, folder, kind):
    flags = ("--input=images", "--representation", "--batch_size=4")
    csv = predict(*flags)
    csv["representation"] = csv["representation"].map(json.loads, na_action="ignore")
    other = predict(*flags, output=f"out.{kind}")
    assert list(other) == list(csv)
    for column in ("path", "label", "error"):
        assert other[column].fillna("").tolist() == csv[column].fillna("").tolist()
    for column in (*CLASSES, "confidence"):
        np.testing.assert_array_equal(
            np.float32(other[column]), np.float32(csv[column]), strict=True
        )
    good = csv["error"].isna()
    expected = expected_of(model, [folder.parent / path for path in csv["path"][good]])
    for table in (csv, other):
        assert table["representation"][~good].isna().all()
        found = np.stack(table["representation"][good].map(np.float32))
        np.testing.assert_allclose(found, expected["representation"], rtol=1e-6)


def test_action_units_are_columns(predict, folder, tmp_path):
    kernel = np.random.default_rng(4).normal(size=(3, 2))
    reader = ActionUnitReader(kernel, np.zeros(2))
    path = tmp_path / "units" / "1"
    module = ServingModule(Colours(), CLASSES, 16, 2.0, reader)
    names = ["AU04_browDown", "AU12_mouthSmile"]
    facts = {"classes": list(CLASSES), "action_units": names}
    export_saved_model(path, module, facts)
    flags = ("--input=images/a", "--input=images/b/11.txt", f"--model={path}")
    assert not set(names) & set(predict(*flags))
    for output in ("units.csv", "units.parquet"):
        table = predict(*flags, "--action_units", "--representation", output=output)
        assert list(table)[-4:] == [*names, "representation", "error"]
        assert table[names].iloc[-1].isna().all()
        vectors = table["representation"][:-1]
        if output.endswith(".csv"):
            vectors = vectors.map(json.loads)
        expected = np.maximum(np.stack(vectors) @ kernel, 0)
        np.testing.assert_allclose(table[names][:-1], expected, rtol=1e-4, atol=1e-5)
        assert (expected > 0).any()


def test_models_without_action_units_say_so(predict, folder):
    with pytest.raises(RunError, match="gives no action units: it was trained without"):
        predict("--input=images", "--action_units")
    assert not os.path.exists("out.csv")


def test_some_of_the_classes(predict, folder):
    everything = predict("--input=images/a")
    some = predict("--input=images/a", "--classes=sad,anger", output="some.csv")
    assert list(some)[:5] == ["path", "label", "sad", "anger", "confidence"]
    expected = everything[["sad", "anger"]].to_numpy()
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(some[["sad", "anger"]], expected, rtol=1e-5)
    labels = np.array(["sad", "anger"])[expected.argmax(axis=1)]
    assert some["label"].tolist() == labels.tolist()
    with pytest.raises(UsageError, match="'neutral' is no class of the model"):
        predict("--input=images/a", "--classes=sad,neutral", output="none.csv")


def test_submission(predict, model, folder):
    (folder / "list.txt").write_text("image\na/01.jpg\nb/11.txt\na/02.png\n")
    table = predict("--input=images/list.txt", "--format=lsd")
    assert (folder.parent / "out.csv").read_text().startswith("image,expression\n")
    assert table["image"].tolist() == ["01.jpg", "11.txt", "02.png"]
    labels = expected_of(model, [folder / "a/01.jpg", folder / "a/02.png"])["label"]
    first, second = (label_index(n.decode(), DEFAULT_CLASSES) for n in labels)
    assert first != second
    assert table["expression"].tolist() == [first, -1, second]


def test_several_inputs_in_their_order(predict, folder):
    (folder / "list.csv").write_text("id;File\n7;b\\12 empty.png\n8;\n9;a/01.jpg\n")
    (folder / "paths.txt").write_bytes(b"\xef\xbb\xbf02.png\r\n\r\nnone.jpg")
    inputs = ("images/a/07.gif", "images/**/*.png", "images/list.csv")
    table = predict(*(f"--input={text}" for text in inputs))
    assert table["path"].tolist() == [
        "images/a/07.gif",
        *sorted(str(p.relative_to(folder.parent)) for p in folder.rglob("*.png")),
        "b/12 empty.png",
        "list.csv row 3",
        "a/01.jpg",
    ]
    assert table["error"].tolist()[-3:-1] == ["empty file", "row has no path"]
    listed = predict("--input=images/paths.txt", "--root=images/a", "--overwrite")
    assert listed["path"].tolist() == ["02.png", "none.jpg"]
    assert listed["error"].isna().tolist() == [True, False]
    assert listed["label"][0] == table.set_index("path")["label"]["images/a/02.png"]


def test_paths_on_standard_input_and_table_on_standard_output(run_piped, folder):
    names = [str(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    given = b"".join(os.fsencode(name) + b"\0" for name in names)
    done = run_piped("--input=-", "--null", "--output=-", given=given)
    assert done.returncode == 0, done.stderr
    assert done.stderr.decode() == f"{WHOLE}15 images, 4 could not be read\n"
    table = pd.read_csv(io.BytesIO(done.stdout))
    assert table["path"].tolist() == names
    assert table["label"].notna().sum() == 11


@pytest.fixture
def run_piped(export, tmp_path):
    import subprocess

    checkout = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    environment = {**os.environ, "PYTHONPATH": checkout}
    # As for a user: the program itself has to keep the screen clean.
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)

    def run_program(*arguments, given):
        program = [sys.executable, "-m", "byel_tf.cli.predict", f"--model={export}"]
        return subprocess.run(
            [*program, *arguments],
            cwd=tmp_path,
            input=given,
            capture_output=True,
            env=environment,
        )

    return run_program


def test_no_standard_output(predict, folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(RunError, match="no standard output to write to"):
        predict("--input=images/a", output="-")


def test_lines_on_standard_input(predict, folder, monkeypatch):
    lines = io.TextIOWrapper(io.BytesIO(b"images/a/02.png\nimages/none.png\n"))
    monkeypatch.setattr(sys, "stdin", lines)
    assert predict("--input=-")["path"].tolist() == [
        "images/a/02.png",
        "images/none.png",
    ]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n\n")))
    with pytest.raises(RunError, match="names no image"):
        predict("--input=-", output="other.csv")
    assert not os.path.exists("other.csv")


class Face:
    def __init__(self, left, top, side):
        self.bounds = (left, top, left + side, top + side)
        self._box = Box(left, top, side)

    def box(self, margin):
        return self._box.with_margin(margin)


@pytest.fixture
def faces(monkeypatch):
    """Two faces on pictures in colour, none on grey ones."""

    def find(self, image):
        return [Face(2, 12, 8), Face(10, 2, 6)] if image.mode == "RGB" else []

    monkeypatch.setattr(FaceDetector, "all", find)


def test_faces_are_cropped_as_by_the_import(predict, model, folder, faces, capsys):
    flags = ("--input=images/a/0[23]*.png", "--crop=face")
    table = predict(*flags, "--crop_margin=1.5")
    with Image.open(folder / "a/02.png") as image:
        face = saved(crop(image, Box(2, 12, 8).with_margin(1.5)), "PNG")
    whole = (folder / "a/03 grey.png").read_bytes()
    outputs = model.signature(image_bytes=tf.constant([face, whole]))
    np.testing.assert_allclose(
        table[PROBABILITIES].to_numpy(), outputs["probabilities"].numpy(), rtol=1e-6
    )
    assert table[MORE[1:]].fillna(-1).to_numpy().tolist() == [
        [2, 1, 2, 12, 10, 20],
        [0, -1, -1, -1, -1, -1],
    ]
    lines = [
        "2 images, 1 without a face, 0 could not be read",
        "warning: no face was found on 1 of 2 images, and what a model says of "
        "anything else means little; crop=none is for images that show the face alone "
        "already",
    ]
    said = capsys.readouterr().err.splitlines()
    assert said == ["crop: face (margin 1.5), as given", *lines]
    table = predict(*flags, "--no_face=reject", "--overwrite")
    assert table["error"].fillna("").tolist() == ["", "no face found"]
    said = capsys.readouterr().err.splitlines()
    assert said == ["crop: face (margin 1), as given", *lines]


def test_a_row_for_every_face(predict, model, folder, faces, capsys):
    inputs = [f"--input=images/{name}" for name in ("a/03 grey.png", "a/02.png",
              "a/04 turned.jpg", "b/12 empty.png")]  # fmt: skip
    table = predict(*inputs, "--crop=face", "--faces=all", "--batch_size=2")
    assert table["path"].str.removeprefix("images/").tolist() == [
        "a/03 grey.png", *["a/02.png"] * 2, *["a/04 turned.jpg"] * 2, "b/12 empty.png"
    ]  # fmt: skip
    assert table["face"].fillna(0).tolist() == [0, 1, 2, 1, 2, 0]
    assert table["faces"].fillna(-1).tolist() == [0, 2, 2, 2, 2, -1]
    assert table["left"].fillna(-1).tolist() == [-1, 2, 10, 2, 10, -1]
    with Image.open(folder / "a/02.png") as image:
        cut = [crop(image, Box(2, 12, 8)), crop(image, Box(10, 2, 6))]
    outputs = model.signature(image_bytes=tf.constant([saved(c, "PNG") for c in cut]))
    np.testing.assert_allclose(
        table[PROBABILITIES].to_numpy()[1:3], outputs["probabilities"], rtol=1e-6
    )
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "4 images, 4 faces, 1 without a face, 1 could not be read"
    assert said[2].startswith("warning: no face was found on 1 of 3 images")


@pytest.fixture
def model_of(predict, export, tmp_path):
    """Runs the program with an export that states how its images were cropped."""

    def run_main(facts, *arguments):
        if not (tmp_path / "stating").exists():
            shutil.copytree(export, tmp_path / "stating")
        facts = {"classes": list(CLASSES), **facts}
        (tmp_path / "stating/byel.json").write_text(json.dumps(facts))
        return predict("--model=stating", "--overwrite", *arguments)

    return run_main


FACE, BOX, NONE = (
    {"crop": kind, "crop_margin": margin}
    for kind, margin in (("face", 1.5), ("box", 1.25), ("none", 1.0))
)


@pytest.mark.parametrize(
    ("facts", "flags", "margin", "reason", "warning"),
    [
        (FACE, (), 1.5, "face (margin 1.5), as the training images", None),
        (
            BOX,
            (),
            1.25,
            "face (margin 1.25), the training images were cropped to the source's "
            "boxes (margin 1.25)",
            None,
        ),
        (NONE, (), None, "none, as the training images", None),
        ({}, ("--crop=face",), 1, "face (margin 1), as given", None),
        (FACE, ("--crop=face",), 1.5, "face (margin 1.5), as given", None),
        (
            FACE,
            ("--crop_margin=1.25",),
            1.25,
            "face (margin 1.25), as given",
            "images are cropped to the face (margin 1.25), the training images were "
            "cropped to the face (margin 1.5)",
        ),
        (
            FACE,
            ("--crop=none",),
            None,
            "none, as given",
            "images are whole, the training images were cropped to the face (margin "
            "1.5)",
        ),
        (
            NONE,
            ("--crop=face",),
            1,
            "face (margin 1), as given",
            "images are cropped to the face (margin 1), the training images were whole",
        ),
    ],
)
def test_images_are_cropped_as_the_training_images(
    model_of, model, folder, faces, capsys, facts, flags, margin, reason, warning
):
    table = model_of(facts, "--input=images/a/02.png", *flags)
    image = Image.open(folder / "a/02.png")
    if margin is not None:
        image = crop(image, Box(2, 12, 8).with_margin(margin))
    outputs = model.signature(image_bytes=tf.constant([saved(image, "PNG")]))
    np.testing.assert_allclose(
        table[PROBABILITIES].to_numpy(), outputs["probabilities"].numpy(), rtol=1e-6
    )
    assert table["faces"].fillna(-1).tolist() == [-1 if margin is None else 2]
    said = capsys.readouterr().err.splitlines()[:-1]
    assert said == [f"crop: {reason}", *([f"warning: {warning}"] if warning else [])]


def test_few_images_without_a_face_are_no_warning(model_of, folder, faces, capsys):
    rgb = ["--input=images/a/02.png"] * 4
    model_of(FACE, *rgb, "--input=images/a/03 grey.png", "--input=images/b/11.txt")
    assert "warning" not in capsys.readouterr().err
    model_of(FACE, *rgb[1:], "--input=images/a/03 grey.png")
    assert "found on 1 of 4 images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("facts", "flags", "error", "expected"),
    [
        ({}, ("--faces=all",), UsageError, "without --crop=face .*does not say"),
        (NONE, ("--faces=all",), UsageError, "without --crop=face .*as the training"),
        (NONE, ("--crop_margin=2",), UsageError, "--crop=auto: crop_margin has no me"),
        (FACE, ("--crop=none", "--crop_margin=2"), UsageError, "no meaning.*--crop=fa"),
        ({"crop": "eyes"}, (), RunError, "no crop of this release: crop is 'eyes'"),
        ({"crop": "face", "crop_margin": None}, (), RunError, "crop_margin None"),
        ({"crop": "face", "crop_margin": 1e9}, (), RunError, "crop_margin 1000000000"),
        ({"crop": "face", "crop_margin": "nan"}, (), RunError, "crop_margin 'nan'"),
    ],
)
def test_crops_that_cannot_be_meant(model_of, folder, facts, flags, error, expected):
    with pytest.raises(error, match=expected):
        model_of(facts, "--input=images/a/02.png", *flags)
    assert not os.path.exists("out.csv")


def test_a_folder_of_formulas(predict, tmp_path):
    name = "=1+2'.png"
    picture(1).save(tmp_path / name)
    (tmp_path / "list.txt").write_text(f"{name}\n+none.png\n'=x.png\n'.png\n")
    assert predict("--input=list.txt")["path"].tolist() == [
        f"'{name}", "'+none.png", "''=x.png", "'.png"
    ]  # fmt: skip
    for kind in ("jsonl", "parquet"):
        exact = predict("--input=list.txt", output=f"out.{kind}")["path"].tolist()
        assert exact == [name, "+none.png", "'=x.png", "'.png"]


def test_frames_of_a_video(predict, tmp_path):
    cv2 = pytest.importorskip("cv2")
    size = (640, 480)
    writer = cv2.VideoWriter(
        str(tmp_path / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, size
    )
    if not writer.isOpened():
        pytest.skip("this OpenCV has no encoder for Motion JPEG")
    red_first = [(0, 0, 255) if k < 5 else (255, 0, 0) for k in range(9)]
    for colour in red_first:
        writer.write(np.full((480, 640, 3), colour, np.uint8))
    writer.release()
    for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        Image.new("RGB", size, colour).save(tmp_path / f"{name}.png")
    content = (tmp_path / "clip.avi").read_bytes()
    # The header is padded to 5 kB.
    (tmp_path / "cut.avi").write_bytes(content[: (5000 + len(content)) // 2])
    (tmp_path / "none.mp4").write_bytes(b"no video")
    inputs = ("red.png", "clip.avi", "blue.png", "none.mp4", "cut.avi")
    (tmp_path / "list.csv").write_text("file,label\nred.png,1\nclip.avi,2\n")
    listed = predict("--input=list.csv", "--frame_step=4")
    table = predict(
        *(f"--input={name}" for name in inputs), "--frame_step=4", "--overwrite"
    )
    assert table["time"].fillna(-1).tolist()[:6] == [-1, 0, 0.4, 0.8, -1, -1]
    assert listed["path"].tolist() == table["path"].tolist()[:4]
    assert listed["time"].fillna(-1).tolist() == [-1, 0, 0.4, 0.8]
    assert table["path"].tolist()[:6] == [
        "red.png",
        *(f"clip.avi#frame={k}" for k in (0, 4, 8)),
        "blue.png",
        "none.mp4",
    ]
    colours = table[PROBABILITIES].to_numpy()
    np.testing.assert_allclose(colours[1:3], colours[[0, 0]], atol=0.02)
    np.testing.assert_allclose(colours[3], colours[4], atol=0.02)
    assert not np.allclose(colours[0], colours[4], atol=0.2)
    assert table["error"][5] == "cannot be decoded as a video"
    assert table["label"][6] == table["label"][1]
    assert table["path"].iloc[-1].startswith("cut.avi#frame=")
    assert table["error"].iloc[-1].endswith("its header promises 9 frames")


@pytest.mark.parametrize(
    ("arguments", "error", "expected"),
    [
        ((), UsageError, "--input is missing"),
        (("--input=-", "--input=-"), UsageError, "can be read once"),
        (("--input=images", "--null"), UsageError, "--null has no meaning"),
        (("--input=images", "--output=a.xls"), UsageError, "ends in .csv, .parquet"),
        (("--input=images", "--output=images/b/a.csv"), UsageError, "outside it"),
        (("--input=list.csv", "--output=list.csv"), UsageError, "outside it"),
        (("--input=images", "--format=lsd", "--representation"), UsageError, "no plac"),
        (
            ("--input=images", "--faces=all", "--crop=none"),
            UsageError,
            "with --crop=none",
        ),
        (
            ("--input=images", "--faces=all", "--crop=face", "--format=lsd"),
            UsageError,
            "one row an image",
        ),
        (("--input=none.png",), RunError, "--input=none.png does not exist"),
        (("--input=none/*.png",), RunError, "matches no file"),
        (("--input=images/none",), RunError, "names no image: it is empty"),
        (("--input=list.csv",), RunError, "has no column for the path"),
        (("--input=list.csv", "--root=none"), RunError, "--root=none is not a folder"),
        (("--input=images", "--output=old.csv"), RunError, "give --overwrite"),
        (
            ("--input=images", "--output=images/none", "--format=csv"),
            UsageError,
            "outsid",
        ),
        (("--input=images", "--model=none"), RunError, "none is not an exported"),
    ],
)
def test_refused_in_one_line(folder, predict, arguments, error, expected):
    (folder / "none").mkdir()
    (folder.parent / "list.csv").write_text("id,label\n1,fear\n")
    (folder.parent / "old.csv").write_text("old")
    before = sorted(folder.parent.rglob("*"))
    given = [a for a in arguments if not a.startswith("--output")]
    output = next((a[9:] for a in arguments if a.startswith("--output")), "out.csv")
    with pytest.raises(error, match=expected) as raised:
        predict(*given, output=output)
    assert "\n" not in str(raised.value)
    assert sorted(folder.parent.rglob("*")) == before
    assert (folder.parent / "old.csv").read_text() == "old"


def test_strict_ends_with_1_and_the_whole_table(
    export, folder, monkeypatch, capsys, load_once
):
    monkeypatch.chdir(folder.parent)
    command = ["predict.py", f"--model={export}", "--input=images", "--workers=1"]
    monkeypatch.setattr(sys, "argv", [*command, "--output=out.csv", "--strict"])
    assert run() == 1
    assert "--strict: 5 of 15 rows" in capsys.readouterr().err
    assert len(pd.read_csv("out.csv")) == 15
    monkeypatch.setattr(sys, "argv", [*command, "--output=out.csv", "--overwrite"])
    assert run() == 0
