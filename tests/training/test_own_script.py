"""The example of a user's own script in docs/training.md."""

import pathlib

import numpy as np

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def test_the_example_in_the_docs_runs():
    text = (DOCS / "training.md").read_text()
    _, _, rest = text.partition("<!-- example -->\n```python\n")
    script = {}
    exec(rest.partition("\n```")[0], script)
    losses = script["history"].history["loss"]
    assert len(losses) == 2 and np.isfinite(losses).all()
    assert script["logits"].shape == (64, 6)
    assert script["representations"].shape == (64, 64)
    assert int(script["byel"].optimizer.iterations) == 8
