"""What training costs in encoder passes, so that budgets can be compared."""

# Forward passes of the encoder that one image costs in a step, a backward pass
# counting as two, by stage and objective. Pre-training: 2 views × (3 online + 1
# target), or where only one view is predicted from, 3 online + 1 target. Joint
# training is the latter in any case; FixMatch has 2 views × 3, fine-tuning alone 1 × 3.
_BOTH_WAYS, _ONE_WAY = 8, 4
_FINETUNING = {"joint": _ONE_WAY, "fixmatch": 6}
_SUPERVISED = 3


def encoder_passes(stage: str, objective: str, pairs: str) -> int:
    """Forward passes of the encoder for each image of a step.

    Args:
      stage: "pretrain" or "finetune".
      objective: `--objective`.
      pairs: What the two views are taken from: as of `RunDatasets`.
    """
    if stage == "pretrain":
        return _ONE_WAY if pairs == "neutral" else _BOTH_WAYS
    return _FINETUNING.get(objective, _SUPERVISED)
