"""What training costs in encoder passes, as the models' docstrings say."""

import pytest

from byel_tf.training.cost import encoder_passes


@pytest.mark.parametrize(
    ("stage", "objective", "pairs", "expected"),
    [
        ("pretrain", "byel", "none", 2 * (3 + 1)),
        ("pretrain", "byol", "expression", 2 * (3 + 1)),
        ("pretrain", "byel", "neutral", 3 + 1),
        ("finetune", "byel", "neutral", 3),
        ("finetune", "supervised", "expression", 3),
        ("finetune", "joint", "none", 3 + 1),
        ("finetune", "joint", "neutral", 3 + 1),
        ("finetune", "fixmatch", "none", 2 * 3),
    ],
)
def test_passes_of_an_image(stage, objective, pairs, expected):
    assert encoder_passes(stage, objective, pairs) == expected
