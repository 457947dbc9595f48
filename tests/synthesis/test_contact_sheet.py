"""Layout of a contact sheet."""

from __future__ import annotations

import numpy as np
import pytest

from byel_tf.synthesis.contact_sheet import contact_sheet


def test_pictures_are_laid_out_in_rows():
    images = np.stack([np.full((8, 8, 3), 10 * i, np.uint8) for i in range(5)])
    sheet = contact_sheet(images, columns=3)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (2 * 10 + 2, 3 * 10 + 2, 3)
    assert (sheet[2:10, 12:20] == 10).all()
    assert (sheet[12:20, 12:20] == 40).all()
    # The place of the missing sixth is white.
    assert (sheet[12:20, 22:30] == 255).all()


@pytest.mark.parametrize(
    ("images", "columns"),
    [
        ([], 3),
        ([np.zeros((8, 8, 3), np.uint8)], 0),
        ([np.zeros((8, 8), np.uint8)], 1),
        ([np.zeros((8, 8, 3), np.float32)], 1),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((9, 9, 3), np.uint8)], 1),
    ],
)
def test_what_cannot_be_laid_out_is_refused(images, columns):
    with pytest.raises(ValueError, match="Received"):
        contact_sheet(images, columns)
