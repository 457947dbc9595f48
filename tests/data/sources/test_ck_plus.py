import pytest

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.errors import RunError, UsageError

EIGHT = ClassNames((*DEFAULT_CLASSES, "neutral", "contempt"))
CLASSES = (
    *("neutral", "anger", "contempt", "disgust"),
    *("fear", "happiness", "sadness", "surprise"),
)


@pytest.fixture
def sequence(write, touch):
    """Makes a sequence of five frames, and its label if there is one."""

    def make(subject, number, text=None, images="cohn-kanade-images", labels="Emotion",
             peak=5):  # fmt: skip
        stem = f"{subject}/{number}/{subject}_{number}_0000000"
        root = touch(*(f"{images}/{stem}{n}.png" for n in range(1, 6)))
        (root / labels / subject / number).mkdir(parents=True, exist_ok=True)
        if text is not None:
            write(f"{labels}/{stem}{peak}_emotion.txt", text)
        return root

    return make


@pytest.mark.parametrize("emotions", ["Emotion", "Emotion_labels/Emotion"])
@pytest.mark.parametrize(
    "images",
    [
        "cohn-kanade-images",
        "extended-cohn-kanade-images/cohn-kanade-images",
        "CK+/cohn-kanade-images",
    ],
)
def test_peak_frames_of_labelled_sequences(
    sequence, opened, classes_of, read, images, emotions
):
    for n in range(8):
        root = sequence(f"S{n:03}", "001", f"   {n}.0000000e+00\n", images, emotions)
    sequence("S005", "010", None, images, emotions)
    source = opened(root)
    assert (source.kind, source.gives_splits, source.gives_boxes) == (
        "ck-plus",
        False,
        False,
    )
    found, rejects = classes_of(root, labels=EIGHT)
    assert found == {
        f"S00{n}/001/S00{n}_001_00000005.png": name for n, name in enumerate(CLASSES)
    }
    assert rejects == {"S005/010": "sequence has no emotion label"}
    items, rejects = read(root)
    assert rejects["S000/001"] == "unknown class 'neutral'"
    item = items["S005/001/S005_001_00000005.png"]
    assert item.subject == "S005"
    assert item.path == str(root / images / "S005/001/S005_001_00000005.png")


def test_frame_that_the_label_names(sequence, read):
    root = sequence("S010", "002", "3.0", peak=3)
    sequence("S010", "003", "3", peak=9)  # not there: the last one
    assert set(read(root)[0]) == {
        "S010/002/S010_002_00000003.png",
        "S010/003/S010_003_00000005.png",
    }


def test_sequences_that_cannot_be_taken(sequence, write, touch, read):
    sequence("S010", "001", "1")
    sequence("S010", "002", " \n")
    sequence("S010", "003", "1 2")
    sequence("S010", "004", "9")
    sequence("S010", "005", "1", peak=5)
    sequence("S010", "005", "2", peak=4)
    touch("cohn-kanade-images/S011/001/S011_001_00000001.png")
    touch("cohn-kanade-images/S010/001/.DS_Store", "Emotion/S010/001/.DS_Store")
    touch("cohn-kanade-images/.DS_Store", "Emotion/.DS_Store", ".DS_Store")
    write("Emotion/S012/001/S012_001_00000004_emotion.txt", "1")
    root = write("ReadMe_Emotion_labels.txt", "x" * 2000).parent
    write("Emotion/S013/001/S013_001_00000004_emotion.txt", "1" + " " * 2000)
    items, rejects = read(root)
    assert list(items) == ["S010/001/S010_001_00000005.png"]
    assert rejects == {
        "S010/002": "sequence has no emotion label",
        "S010/003": "emotion label is more than one number",
        "S010/004": "unknown class '9'",
        "S010/005": "sequence has several emotion labels",
        "S011/001": "sequence has no emotion label",
        "S012/001": "sequence has a label and no frames",
        "S013/001": "emotion label is more than one number",
    }


def test_frames_elsewhere(sequence, read, opened):
    root = sequence("S010", "001", "1", images="else", labels="Emotion")
    items, _ = read(root, "ck-plus", root=str(root / "else"))
    assert (
        items.keys() == read(root / "Emotion", "ck-plus", root=f"{root}/else")[0].keys()
    )
    assert items["S010/001/S010_001_00000005.png"].path.startswith(f"{root}/else/")


def test_what_is_no_ck_plus(touch, opened, sequence):
    with pytest.raises(RunError, match=r"unpack Emotion_labels.zip"):
        opened(touch("cohn-kanade-images/S001/001/a.png"), "ck-plus")
    assert opened(touch("anger/a.png")).kind == "folder"
    root = sequence("S010", "001", "1")
    with pytest.raises(UsageError, match="--subject_pattern=.* has no meaning"):
        opened(root, subject_pattern="(a)")
