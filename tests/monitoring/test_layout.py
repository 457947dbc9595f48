import re

import pytest
import tensorflow as tf
from tensorboard.plugins.custom_scalar import layout_pb2, metadata

from byel_tf.monitoring.layout import build_layout, write_layout
from byel_tf.monitoring.scalars import data_tag, scalar_place


@pytest.fixture
def charts():
    """Which charts a tag is in."""

    def of(tag):
        return [
            (category.title, chart.title)
            for category in build_layout().category
            for chart in category.chart
            if any(re.match(pattern, tag) for pattern in chart.multiline.tag)
        ]

    return of


def test_what_matters_comes_first():
    first, *_ = build_layout().category
    assert first.title == "Macro F1"
    assert first.chart[0].title == "finetune: test splits"


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_each_curve_stands_in_one_chart(charts, stage):
    test = data_tag(stage, "macro_f1_test", "a (b) [c]")
    assert charts(test) == [("Macro F1", f"{stage}: test splits")]
    for name, category in (
        ("macro_f1", "Macro F1"),
        ("val_macro_f1", "Macro F1"),
        ("loss", "Losses"),
        ("action_unit_loss", "Losses"),
        ("gradient_norm", "Optimization"),
        ("learning_rate", "Optimization"),
    ):
        ((found, chart),) = charts(f"{stage}/{scalar_place(name)}")
        assert found == category and chart.startswith(stage)
    for name in ("projection_deviation", "cosine_1_to_2", "cosine_2_to_1"):
        ((found, _),) = charts(f"pretrain/{scalar_place(name)}")
        assert found == "Collapse"
    assert len(charts("pretrain/optimization/target_momentum")) == 1


def test_what_is_written_is_the_layout(writer, read_events):
    with writer.as_default():
        write_layout()
    (event,) = read_events().Tensors(metadata.CONFIG_SUMMARY_TAG)
    content = tf.make_ndarray(event.tensor_proto).item()
    assert layout_pb2.Layout.FromString(content) == build_layout()
