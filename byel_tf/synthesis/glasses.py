"""Glasses, drawn over the rendered head."""

from __future__ import annotations

import cv2
import numpy as np

from byel_tf.synthesis.face import Face

# A lens: half width and height, how far it stands before the eye and below its middle,
# cm.
_LENS_WIDTH, _LENS_HEIGHT, _LENS_AHEAD, _LENS_BELOW = 2.45, 1.9, 1.1, 0.15
_POINTS = 48
# Depth by which a point of the frame may lie behind the head's surface and be seen, cm.
_SEEN_BEHIND = 0.25
_SHIFT = 4  # bits of sub-pixel places in OpenCV's drawing functions


def draw_glasses(
    picture: np.ndarray,
    depth: np.ndarray,
    face: Face,
    landmarks: np.ndarray,
    turn: np.ndarray,
    pivot: np.ndarray,
    view,
) -> None:
    """Draws glasses into a picture in place, if the face wears any.

    Args:
        picture: Display values, float32 [S, S, 3].
        depth: Depth of what it shows, float32 [S, S].
        face: Says which glasses.
        landmarks: Landmarks with expression before the head's turn, cm, [68, 3].
        turn: Rotation of the head, [3, 3].
        pivot: What it turns about, cm, [3].
        view: The camera, with `project` and `pixels`.
    """
    worn = face.accessories
    if worn.glasses == "none":
        return
    display = float(worn.frame_luminance) ** (1 / 2.2)
    colour = (display * 1.05, display, display * 0.9)
    thickness = max(1, round(view.pixels(worn.frame_thickness)))
    power = 1.0 if worn.glasses == "round" else 0.45  # of a superellipse
    width = _LENS_WIDTH if worn.glasses != "round" else _LENS_HEIGHT + 0.15

    def seen(points: np.ndarray) -> list[np.ndarray]:
        """Runs of neighbouring points that the head doesn't hide, in pixels."""
        pixels = view.project(((points - pivot) @ turn.T).astype(np.float32))
        column, row = np.rint(pixels[:, :2]).astype(int).T.clip(0, len(picture) - 1)
        visible = pixels[:, 2] > depth[row, column] - _SEEN_BEHIND
        breaks = np.flatnonzero(np.diff(visible.astype(int))) + 1
        runs = np.split(pixels[:, :2], breaks)
        firsts = np.concatenate([[0], breaks])
        return [run for run, i in zip(runs, firsts, strict=True) if visible[i]]

    def line(points: np.ndarray) -> None:
        for run in seen(points):
            fixed = np.rint(run * 2**_SHIFT).astype(np.int32)
            cv2.polylines(
                picture, [fixed], False, colour, thickness, cv2.LINE_AA, _SHIFT
            )

    angles = np.linspace(0, 2 * np.pi, _POINTS)
    across = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** power
    up = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** power
    eyes = [landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)]
    ahead = max(eyes[0][2], eyes[1][2], landmarks[27][2] - _LENS_AHEAD) + _LENS_AHEAD
    for eye, side in zip(eyes, (-1.0, 1.0), strict=True):
        middle = np.array([eye[0] + side * 0.15, eye[1] - _LENS_BELOW, ahead])
        # Frames bend back a little to the sides.
        ring = np.stack(
            [width * across, _LENS_HEIGHT * up, -0.12 * side * width * across], axis=1
        )
        if worn.glasses == "sunglasses":
            lens = view.project(((middle + ring - pivot) @ turn.T).astype(np.float32))
            fixed = np.rint(lens[:, :2] * 2**_SHIFT).astype(np.int32)
            cv2.fillPoly(picture, [fixed], colour, cv2.LINE_AA, _SHIFT)
        line(middle + ring)
        hinge = middle + [side * width, 0.6, -0.12 * width]
        ear = np.array([landmarks[16 if side > 0 else 0][0], hinge[1] + 0.3, 2.0])
        line(hinge + np.linspace(0, 1, _POINTS)[:, None] * (ear - hinge))
    left, right = eyes[0][0] - 0.15 + width, eyes[1][0] + 0.15 - width
    bow = np.linspace(0, np.pi, 12)
    bridge = np.stack(
        [
            (left + right) / 2 - np.cos(bow) * (right - left) / 2,
            (eyes[0][1] + eyes[1][1]) / 2 + 0.2 + 0.25 * np.sin(bow),
            np.full(12, ahead + 0.1),
        ],
        axis=1,
    )
    line(bridge)
