"""Names of the augmentation policies, importable without TensorFlow."""

POLICY_NAMES = ("reference", "byol", "faces")
