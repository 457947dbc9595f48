import dataclasses

import numpy as np

from byel_tf.synthesis.hands.blot import draw_blot
from byel_tf.synthesis.sampling import sample_face


def test_a_blot_covers_a_part_and_nothing_else_is_drawn(synthetic):
    face = sample_face(synthetic, "fear", 1, 0)
    for hand, drawn in (("blot", True), ("palm", False), ("none", False)):
        worn = dataclasses.replace(face.accessories, hand=hand, hand_reach=0.3)
        picture = np.full((64, 64, 3), 0.5, np.float32)
        other = dataclasses.replace(face, accessories=worn)
        draw_blot(picture, other, np.random.default_rng(0))
        changed = (picture != 0.5).any(axis=2)
        assert changed.any() == drawn
        assert not changed.all()
