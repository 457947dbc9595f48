import pytest

from byel_tf.monitoring.scalars import data_tag, scalar_tag


@pytest.mark.parametrize(
    ("stage", "name", "tag"),
    [
        ("pretrain", "loss", "pretrain/losses/total"),
        ("finetune", "val_macro_f1", "finetune/macro_f1/validation"),
        ("pretrain", "learning_rate", "pretrain/optimization/learning_rate"),
        ("pretrain", "cosine_1_to_2", "pretrain/collapse/cosine_1_to_2"),
    ],
)
def test_scalars_stand_below_their_stage(stage, name, tag):
    assert scalar_tag(stage, name) == tag


def test_names_that_are_no_text():
    name = b"caf\xe9".decode(errors="surrogateescape")
    assert data_tag("results", "macro_f1", name).encode() == b"results/macro_f1/caf?"
