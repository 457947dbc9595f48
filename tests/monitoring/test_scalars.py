import pytest

from byel_tf.monitoring.scalars import data_tag, scalar_place


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("loss", "losses/total"),
        ("val_macro_f1", "macro_f1/validation"),
        ("learning_rate", "optimization/learning_rate"),
        ("bad_steps", "optimization/bad_steps"),
        ("cosine_1_to_2", "collapse/cosine_1_to_2"),
        ("macro_f1_test/shifted", "macro_f1_test/shifted"),
    ],
)
def test_every_scalar_has_its_place_in_its_stage(name, place):
    assert scalar_place(name) == place


def test_a_data_set_is_named_last():
    assert data_tag("finetune", "macro_f1_test", "x") == "finetune/macro_f1_test/x"


def test_names_that_are_no_text():
    name = b"caf\xe9".decode(errors="surrogateescape")
    assert data_tag("results", "macro_f1", name).encode() == b"results/macro_f1/caf?"
