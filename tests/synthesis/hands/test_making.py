import pytest

from byel_tf.errors import RunError
from byel_tf.synthesis.hands.making import read_rig


def test_without_data(tmp_path):
    with pytest.raises(RunError, match="base.obj is missing"):
        read_rig(tmp_path)
