import dataclasses

from byel_tf.data.crops import Cropping
from byel_tf.data.oddities import oddities, warn_of


def said(dataset, learned=None, **changes):
    manifest = dataclasses.replace(dataset.manifest, **changes)
    changed = dataclasses.replace(dataset, manifest=manifest)
    return list(oddities(changed, learned))


def test_a_class_without_images(make_dataset, capsys):
    whole = make_dataset("whole", train=9, test=9)
    assert said(whole) == []
    some = make_dataset("some", train=9, validation=2, test=1)
    names = some.manifest.classes
    assert said(some) == [
        f"data set some ({some.path}) has no image of the class '{names[1]}' in test",
        f"data set some ({some.path}) has no image of the class '{names[2]}' in "
        "validation, test",
    ]
    warn_of(some, None)
    assert capsys.readouterr().err.count("warning: data set some") == 2


def test_few_faces(make_dataset):
    dataset = make_dataset(train=10)
    assert said(dataset, no_face={"count": 2}) == []
    (line,) = said(dataset, no_face={"count": 3})
    assert line.endswith("no face was found on 3 of 10 images")


def test_cropped_otherwise_than_the_training_images(make_dataset):
    dataset = make_dataset(train=9)
    assert said(dataset, Cropping()) == []
    (line,) = said(dataset, Cropping("face"))
    assert "are whole, the training images were cropped to the face" in line
    source = {"kind": "folder", "crop": "face", "crop_margin": 1.0}
    assert said(dataset, Cropping("face"), source=source) == []
