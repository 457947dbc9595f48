"""The charts of TensorBoard's custom scalars: what matters first."""

import tensorflow as tf
from tensorboard.plugins.custom_scalar import layout_pb2, summary

# Title of each category, and of each chart in it with the tags that it shows.
_CATEGORIES = {
    "Macro F1": {
        "finetune: test splits": "finetune/macro_f1_test/.+",
        "finetune: train and validation": "finetune/macro_f1/.+",
        "pretrain: test splits": "pretrain/macro_f1_test/.+",
        "pretrain: train and validation": "pretrain/macro_f1/.+",
    },
    "Losses": {
        "finetune": "finetune/losses/.+",
        "pretrain": "pretrain/losses/.+",
    },
    "Collapse": {
        "deviation of projections: 0 is collapse": (
            "pretrain/collapse/projection_deviation"
        ),
        "cosine of prediction and target": "pretrain/collapse/cosine_.+",
    },
    "Optimization": {
        f"{stage}: {title}": f"{stage}/optimization/{name}"
        for title, name, stages in (
            ("learning rate", "learning_rate", ("finetune", "pretrain")),
            ("norm of the gradient", "gradient_norm", ("finetune", "pretrain")),
            ("momentum of the target network", "target_momentum", ("pretrain",)),
        )
        for stage in stages
    },
}


def build_layout() -> layout_pb2.Layout:
    """The layout, the same for every run: TensorBoard merges those of all runs."""
    categories = [
        layout_pb2.Category(
            title=title,
            chart=[
                layout_pb2.Chart(
                    title=chart,
                    multiline=layout_pb2.MultilineChartContent(tag=[tags]),
                )
                for chart, tags in charts.items()
            ],
        )
        for title, charts in _CATEGORIES.items()
    ]
    return layout_pb2.Layout(category=categories)


def write_layout() -> None:
    """Writes the layout to the default writer."""
    content = summary.pb(build_layout()).SerializeToString()
    tf.summary.experimental.write_raw_pb(content, step=0)
