import numpy as np

from byel_tf.synthesis.prototype_sheet import plain_face, prototype_sheet


def test_a_row_for_each_class(draw, synthetic):
    sheet = prototype_sheet(synthetic, ("happiness", "contempt"), [draw])
    assert sheet.dtype == np.uint8
    assert sheet.shape == (2 * (128 + 18), 7 * (3 * 128 + 4), 3)
    # Happiness has seven variants, contempt two.
    assert (sheet[146:, 2 * 388 + 2 :] == 255).all()
    assert sheet[18:146, 6 * 388 : 6 * 388 + 128].std() > 10


def test_several_heads_take_turns(draw, synthetic):
    class Grey:
        def render_clean(self, face, size):
            return np.full((size, size, 3), 90, np.uint8)

    sheet = prototype_sheet(synthetic, ("neutral",), [draw, Grey()])
    faces = [sheet[18:146, i * 128 : (i + 1) * 128] for i in range(3)]
    assert [(face == 90).all() for face in faces] == [False, True, False]


def test_plain_faces_wear_nothing_and_look_ahead(synthetic):
    for person in range(3):
        face = plain_face(synthetic, "fear", {"jawOpen": 1.0}, person)
        assert face.action_units == {"jawOpen": 1.0}
        assert (face.pose.yaw, face.pose.pitch, face.pose.roll) == (0, 0, 0)
        worn = face.accessories
        assert (worn.glasses, worn.head_cover, worn.hand) == ("none",) * 3
