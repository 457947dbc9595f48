import numpy as np
import tensorflow as tf

from byel_tf.evaluation.report.curves import curves_png, read_curves


def write(folder, points, **others):
    writer = tf.summary.create_file_writer(str(folder), **others)
    with writer.as_default():
        for tag, step, value in points:
            tf.summary.scalar(tag, value, step=step)
    writer.close()


def test_what_an_interrupted_run_did_again_counts_once(tmp_path):
    folder = tmp_path / "pretrain"
    write(
        folder,
        [("pretrain/losses/total", s, 10.0 + s) for s in (2, 4, 6)]
        + [("pretrain/optimization/learning_rate", 2, 1.0), ("other/losses/x", 2, 1.0)],
        filename_suffix=".1",
    )
    write(
        folder,
        [("pretrain/losses/total", s, 20.0 + s) for s in (4, 6, 8)]
        + [("pretrain/macro_f1/validation", 8, 0.5)]
        + [("pretrain/macro_f1_test/my set/x", 8, 0.25)],
        filename_suffix=".2",
    )
    curves = read_curves(tmp_path, "pretrain")
    assert list(curves) == [
        "losses/total",
        "macro_f1/validation",
        "macro_f1_test/my set/x",
    ]
    steps, values = curves["losses/total"]
    np.testing.assert_array_equal(steps, [2, 4, 6, 8])
    np.testing.assert_array_equal(values, [12, 24, 26, 28])
    assert read_curves(tmp_path, "finetune") == {}


def test_what_is_no_scalar_or_damaged_is_passed_over(tmp_path):
    folder = tmp_path / "pretrain"
    (folder / "events.out.tfevents.0").mkdir(parents=True)
    (folder / "events.out.tfevents.1").symlink_to("nowhere")
    with tf.io.TFRecordWriter(str(folder / "events.out.tfevents.2")) as writer:
        writer.write(b"\xff\xff\xff")
    (folder / "events.out.tfevents.3").write_bytes(b"foreign" * 99)
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        tf.summary.write("pretrain/losses/vector", [1.0, 2.0], 1)
        tf.summary.write("pretrain/losses/text", "x", 1)
        tf.summary.write("pretrain/losses/large", tf.constant(1e308, tf.float64), 1)
        tf.summary.image("pretrain/losses/image", tf.zeros([1, 2, 2, 3]), 1)
        tf.summary.scalar("pretrain/losses/total", 0.5, 1)
    writer.close()
    assert list(read_curves(tmp_path, "pretrain")) == ["losses/total"]


def test_pictures():
    steps = np.arange(5000)
    curves = {
        "losses/total": (steps, 1 / (1 + steps)),
        "macro_f1/validation": (steps[:2], np.array([0.1, 0.2])),
        "macro_f1_test/$x": (steps[:2], np.array([0.1, 0.2])),
    }
    for group in ("losses", "macro_f1"):
        assert curves_png(curves, group, "Stage 1").startswith(b"\x89PNG")
    assert curves_png({}, "losses", "Stage 1") is None
