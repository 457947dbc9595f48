"""What a hand looks like: skin, nails, creases and a sleeve, by vertex."""

from __future__ import annotations

import functools

import numpy as np

from byel_tf.synthesis.anatomy import smooth_step
from byel_tf.synthesis.colours import skin_colour
from byel_tf.synthesis.face import Face
from byel_tf.synthesis.hands.rig import (
    FINGERS,
    FIRST_FINGER,
    FOREARM,
    OF_A_FINGER,
    Rig,
    joint_of,
    shipped_rig,
)
from byel_tf.synthesis.mesh import vertex_normals

# What knuckles, nails and the palm take from red, green and blue, as a logarithm.
_KNUCKLES = np.array([0.06, 0.22, 0.18], np.float32)
_NAILS = np.array([-0.10, -0.02, -0.02], np.float32)
# The palm has little melanin, whatever the skin's.
_PALM_MELANIN, _PALM_REDNESS = 0.35, 0.2


@functools.cache
def marks() -> dict[str, np.ndarray]:
    """Where what is on the hand that comes with the package, 0 to 1, float32 [V]."""
    return marks_of(shipped_rig())


def marks_of(rig: Rig) -> dict[str, np.ndarray]:
    """Nails, knuckles, the palm's skin and the fingers' sides of a hand.

    Returns:
        By name, 0 to 1, float32 [V] each; "waves" are smooth random numbers.
    """
    points, joints = rig.persons[:2].mean(axis=0), rig.joints[:2].mean(axis=0)
    normals = vertex_normals(points, rig.triangles)
    strongest = rig.bones[:, 0]
    finger = (strongest - FIRST_FINGER) // OF_A_FINGER
    last = (strongest >= FIRST_FINGER) & (
        (strongest - FIRST_FINGER) % OF_A_FINGER == OF_A_FINGER - 1
    )
    nails = np.zeros(len(points))
    knuckles = np.zeros(len(points))
    sides = np.zeros(len(points))
    back = -normals[:, 2]
    for one in range(FINGERS):
        root, end, tip = (joints[joint_of(one, n)] for n in (0, 2, 3))
        along = (tip - end) / np.linalg.norm(tip - end)
        place = (points - end) @ along / np.linalg.norm(tip - end)
        # The way the finger's back looks: square to it, away from the palm's side.
        up = np.cross(along, np.cross(along, [0.0, 0.0, 1.0] if one else [1.0, 0, 0.6]))
        up /= np.linalg.norm(up)
        facing = normals @ up
        own = last & (finger == one)
        nails += own * smooth_step(place, 0.42, 0.5) * smooth_step(facing, 0.62, 0.8)
        for number in (0, 1, 2):
            at = joints[joint_of(one, number)]
            away = np.linalg.norm(points - at, axis=1)
            knuckles += np.exp(-((away / 1.0) ** 2)) * smooth_step(back, 0.2, 0.7)
        across = np.cross((end - root) / np.linalg.norm(end - root), [0, 0, 1.0])
        sides += (finger == one) * (strongest >= FIRST_FINGER) * (normals @ across) ** 2
    arm = rig.weights * (rig.bones == FOREARM)
    palm = smooth_step(normals[:, 2], 0.0, 0.7) * (1 - arm.sum(axis=1))
    generator = np.random.default_rng(0)
    waves = np.sin(points @ generator.normal(0, 1.0, (3, 8)) + np.arange(8))
    fields = {
        "nails": nails,
        "knuckles": np.clip(knuckles, 0, 1),
        "palm": palm,
        "sides": sides,
        "waves": 2 * waves.mean(axis=1),
    }
    return {name: field.astype(np.float32) for name, field in fields.items()}


def paint(face: Face, along_arm: np.ndarray, sleeve: float) -> tuple[np.ndarray, ...]:
    """Colours a hand as a face's skin and clothes.

    Args:
        face: Whose.
        along_arm: Distance towards the elbow from the wrist, cm, float32 [V].
        sleeve: Where clothes begin on the arm, cm.

    Returns:
        Linear RGB, float32 [V, 3]; strength of highlights, openness and thickness of
        cloth in cm, float32 [V] each.
    """
    there = marks()
    skin = face.skin
    tone = skin_colour(skin.melanin, skin.redness)
    pale = skin_colour(
        min(skin.melanin, _PALM_MELANIN + 0.35 * skin.melanin),
        skin.redness + _PALM_REDNESS,
    )
    taken = there["knuckles"][:, None] * _KNUCKLES + there["nails"][:, None] * _NAILS
    taken -= 0.05 * min(2.0, skin.mottling) * there["waves"][:, None]
    colour = tone + there["palm"][:, None] * (pale - tone)
    colour = colour * np.exp(-taken)
    nailed = there["nails"][:, None] * np.float32(0.5)
    colour += nailed * (pale * np.float32(1.1) - colour)
    gloss = skin.shine * (1 - there["palm"]) + 0.12 * there["nails"]
    cloth = smooth_step(along_arm, sleeve - 0.15, sleeve + 0.15)
    colour += cloth[:, None] * (face.accessories.clothes_luminance - colour)
    openness = 1 - face.surroundings.occlusion * 0.5 * there["sides"]
    return (
        colour.astype(np.float32),
        (gloss * (1 - cloth)).astype(np.float32),
        openness.astype(np.float32),
        (0.45 * cloth).astype(np.float32),
    )
