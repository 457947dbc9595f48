"""Where each scalar stands in TensorBoard, which groups by what is before a slash."""

_PLACES = {
    "loss": "losses/total",
    "bootstrap_loss": "losses/bootstrap",
    "classification_loss": "losses/classification",
    "orthonormality_penalty": "losses/orthonormality",
    "action_unit_loss": "losses/action_unit",
    "emotion_loss": "losses/emotion",
    "consistency_loss": "losses/consistency",
    "projection_deviation": "collapse/projection_deviation",
    "cosine_1_to_2": "collapse/cosine_1_to_2",
    "cosine_2_to_1": "collapse/cosine_2_to_1",
    "macro_f1": "macro_f1/train",
    "val_macro_f1": "macro_f1/validation",
}


def scalar_place(name: str) -> str:
    """Tag, without the stage, of a scalar that training knows by name: `losses/total`.

    Args:
      name: That of a metric, "val_macro_f1", that of a schedule, such as
        "learning_rate", or a place itself, such as that of a data set.
    """
    return name if "/" in name else _PLACES.get(name, f"optimization/{name}")


def data_tag(group: str, kind: str, dataset: str) -> str:
    """Tag of what is said of a data set: `finetune/macro_f1_test/shifted`.

    Args:
      group: A stage, or "results".
      kind: What is said.
      dataset: Name of the data set, as given; of what is no text a stand-in is shown.
    """
    return f"{group}/{kind}/{shown(dataset)}"


def shown(name: str) -> str:
    """A name as UTF-8 can hold it: those of files may have bytes that are no text."""
    return name.encode(errors="replace").decode()
