"""Where things are on a head: fields over its vertices, worked out once a head.

Places are centimetres on the head at rest, measured from its landmarks, so that one
description paints every head.
"""

from __future__ import annotations

import cv2
import numpy as np

from byel_tf.synthesis.heads.head import (
    FACE,
    GUMS,
    LASHES,
    LEFT_EYE,
    MOUTH_SOCKET,
    RIGHT_EYE,
    SCALP,
    TEETH,
    Head,
)
from byel_tf.synthesis.mesh import neighbours, vertex_normals

_RIGHT_BROW, _LEFT_BROW = slice(17, 22), slice(22, 27)
_RIGHT_EYE_RIM, _LEFT_EYE_RIM = slice(36, 42), slice(42, 48)
_OUTER_LIPS = slice(48, 60)
# Depth behind the landmarks of a region at which a vertex no longer belongs to it.
_LIP_DEPTH = 2.2


class Anatomy:
    """The fields of one head.

    Attributes:
        head: The head.
        skin: Vertices of face and scalp, the first ones, as a slice.
        face: Vertices of the face, as a slice.
        parts: Vertex numbers of each other region, by its number.
        rest_normals: Unit normals at rest, float32 [V, 3].
        adjacency: Starts and vertices, as from `neighbours`, of the skin.
        is_lash: Triangles of the lashes, bool [T].
        is_outer: Triangles outside the mouth, bool [T].
        outer: They, int32 [N, 3].
        outer_is_lash: Those of the lashes among them, bool [N].
        casting: Triangles of the skin, which cast shadows, int32 [N, 3].
        eye_centres: Middle of each eye's rim, right and left, float32 [2, 3].
        mouth_centre: Middle of the lips' outer contour, float32 [3].
        front: Vertices of the face that are not on its sides, bool [n_face].
        stain_names: Names of soft patches of skin.
        stains: The patches, float32 [N, n_face], 0 to 1.
        shiny: How much a vertex shines more than other skin, float32 [n_face].
        beards: Share of the skin that hair covers, by style, float32 [n_face].
        folds: Wrinkles by name: height in units of their depth, float32 [n_face], at
            most 0.
        lips: How much of a vertex is lip, float32 [n_face], and the upper one's.
        brow_along: Place along the brow, 0 at its inner and 1 at its outer end,
            float32 [n_face].
        brow_above: Height over its middle line, cm; far away where there is no brow.
        noise: Smooth random fields of unit variance by wavelength, float32 [N, n_skin].
        eye_radius: Distance from each eye's forward axis, cm, float32 [V]; 9 behind.
    """

    def __init__(self, head: Head):
        """Works out the fields."""
        self.head = head
        rest = head.vertices
        number_of_face = head.count(FACE)
        self.face = slice(0, number_of_face)
        self.skin = slice(0, number_of_face + head.count(SCALP))
        self.parts = {
            region: np.flatnonzero(head.regions == region)
            for region in range(MOUTH_SOCKET, LASHES + 1)
        }
        self.rest_normals = vertex_normals(rest, head.triangles)
        self.adjacency = neighbours(head.triangles, self.skin.stop)
        regions = head.regions[head.triangles[:, 0]]
        self.is_lash = regions == LASHES
        self.is_outer = ~np.isin(regions, (MOUTH_SOCKET, GUMS, TEETH))
        self.outer = np.ascontiguousarray(head.triangles[self.is_outer])
        self.outer_is_lash = self.is_lash[self.is_outer]
        self.casting = np.ascontiguousarray(head.triangles[regions <= SCALP])

        landmarks = rest[head.landmarks]
        self.eye_centres = np.stack(
            [landmarks[rim].mean(axis=0) for rim in (_RIGHT_EYE_RIM, _LEFT_EYE_RIM)]
        )
        self.mouth_centre = landmarks[_OUTER_LIPS].mean(axis=0)
        face = rest[self.face]
        front = _in_front(face, landmarks)
        self.front = front
        self.lips = _lips(face, landmarks)
        self.upper_lip = (face[:, 1] > landmarks[[60, 64], 1].mean() + 0.12) * self.lips
        stains = self._stains(face, landmarks, front)
        self.stain_names = tuple(stains)
        self.stains = np.stack(list(stains.values())).astype(np.float32)
        self.shiny = self._shiny(face, landmarks)
        self.beards = self._beards(face, front)
        self.folds = folds_at(face, landmarks)
        self.brow_along, self.brow_above = _brow_coordinates(face, landmarks, front)
        self.noise = _noise_bank(rest[self.skin])
        self.eye_radius = np.full(len(rest), 9.0, np.float32)
        for region in (RIGHT_EYE, LEFT_EYE):
            eye = rest[self.parts[region]]
            low, high = eye.min(axis=0), eye.max(axis=0)
            across = np.hypot(*(eye - (low + high) / 2)[:, :2].T)
            ahead = eye[:, 2] > high[2] - (high[0] - low[0]) / 2
            self.eye_radius[self.parts[region]] = np.where(ahead, across, 9.0)

    def _stains(self, face, landmarks, front) -> dict[str, np.ndarray]:
        right, left = self.eye_centres
        nostril = np.abs(landmarks[[32, 34], 0]).mean() * 1.2
        under_nose = landmarks[33, 1] + 0.05

        def both(across, up, width, height):
            """A patch beside each eye: `across` outwards and `up` from its centre."""
            patches = [
                _patch(face, eye[0] + side * across, eye[1] + up, width, height)
                for eye, side in ((right, -1.0), (left, 1.0))
            ]
            return np.clip(patches[0] + patches[1], 0, 1)

        rims = [_polygon_distance(face, landmarks[rim]) for rim in
                (_RIGHT_EYE_RIM, _LEFT_EYE_RIM)]  # fmt: skip
        rim = np.maximum(*rims)
        near_rim = (np.abs(rim) < 0.5) & (face[:, 2] > right[2] - 2.2)
        nostrils = _patch(face, -nostril, under_nose, 0.45, 0.3)
        nostrils += _patch(face, nostril, under_nose, 0.45, 0.3)
        return {
            "cheeks": both(1.1, -3.45, 2.0, 2.0),
            "under_eyes": both(0.1, -1.05, 1.4, 0.6) * front,
            "sockets": both(0.1, 0.45, 2.0, 1.1) * front,
            "inner_sockets": both(-1.1, 0.85, 1.1, 0.9) * front,
            "eye_shadow": both(0.1, 0.75, 1.6, 0.7) * front,
            "sides": both(4.4, -5.45, 2.5, 6.0),
            "nostrils": np.clip(nostrils, 0, 1) * front,
            "eye_rims": np.exp(-((np.minimum(0, rim + 0.12) / 0.12) ** 2)) * near_rim,
            "lips": self.lips,
            "upper_lip": self.upper_lip,
        }

    def _shiny(self, face, landmarks) -> np.ndarray:
        nose = _patch(face, 0, landmarks[29, 1], 1.0, 2.0)
        return nose + _patch(face, 0, landmarks[27, 1] + 4.3, 3.0, 1.5)

    def _beards(self, face, front) -> dict[str, np.ndarray]:
        x, y = np.abs(face[:, 0]), face[:, 1] - self.mouth_centre[1]
        moustache = np.exp(-((x / 2.6) ** 4) - ((y - 1.5) / 0.65) ** 4)
        jaw = smooth_step(-y - 0.3 * x, -1.8, -0.4) * (x < 7.5)
        jaw *= 1 - smooth_step(-y, 5.2, 6.2)
        chin = np.exp(-((x / 1.7) ** 4)) * smooth_step(-y, 1.1, 1.9)
        chin *= 1 - smooth_step(-y, 5.2, 6.2)
        full = np.maximum(moustache, jaw)
        bare = front * (1 - self.lips)
        return {
            "moustache": moustache * bare,
            "full": full * bare,
            "chin": np.maximum(moustache, chin) * bare,
            "stubble": full * bare,
        }


def folds_at(points: np.ndarray, landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """Wrinkles by name: height in units of their depth, at most 0.

    Args:
        points: Places on the face, cm, [n, 3].
        landmarks: The head's, cm, [68, 3].

    Returns:
        float32 [n] each.
    """
    front = _in_front(points, landmarks)
    x, y = points[:, 0], points[:, 1]
    brow_y = landmarks[19:25, 1].mean()
    eye = landmarks[_LEFT_EYE_RIM].mean(axis=0)
    mouth = landmarks[_OUTER_LIPS].mean(axis=0)
    wing, corner = landmarks[35], landmarks[54]

    def line(places, width):
        """A furrow along places on the subject's left, and its mirror image."""
        sides = [np.array(places) * [side, 1.0] for side in (1.0, -1.0)]
        return front * sum(_furrow(points, side, width) for side in sides)

    forehead = -sum(
        np.exp(-(((y - (brow_y + up + 0.25 * np.cos(0.9 * x))) / 0.22) ** 2))
        for up in (1.3, 2.3, 3.2)
    )
    ex, ey, cx, cy = eye[0], eye[1], corner[0], corner[1]
    folds = {
        "forehead": forehead * np.exp(-((x / 4.2) ** 4)) * front,
        "glabella": line([(0.75, brow_y - 1.0), (0.6, brow_y + 0.6)], 0.22)
        + 0.25 * line([(-1.2, brow_y - 1.6), (1.2, brow_y - 1.6)], 0.2),
        "nasolabial": line(
            [(wing[0] + 0.6, wing[1] + 0.7), (cx + 0.2, cy + 1.9),
             (cx + 0.7, cy + 0.3), (cx + 0.7, cy - 0.5)], 0.3,
        ),
        "nose_sides": line([(1.1, ey - 0.8), (0.5, ey)], 0.18)
        + 0.5 * line([(-0.8, ey - 0.1), (0.8, ey - 0.1)], 0.15),
        "crows_feet": line([(ex + 1.7, ey + 0.2), (ex + 2.9, ey + 0.8)], 0.18)
        + line([(ex + 1.7, ey - 0.2), (ex + 3.0, ey - 0.4)], 0.18),
        "under_eyes": line(
            [(ex - 1.2, ey - 0.8), (ex + 0.1, ey - 1.4), (ex + 1.5, ey - 1.0)], 0.22
        ),
        "chin": line(
            [(-1.2, mouth[1] - 1.8), (0, mouth[1] - 1.6), (1.2, mouth[1] - 1.8)],
            0.25,
        ) / 2,
        "mouth_corners": line(
            [(cx + 0.2, cy - 0.1), (cx + 0.8, cy - 1.1), (cx + 0.9, cy - 1.9)], 0.22
        ),
    }  # fmt: skip
    return {name: field.astype(np.float32) for name, field in folds.items()}


def _in_front(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Whether places are not on the sides of the head, bool [n]."""
    return points[:, 2] > landmarks[30, 2] - 10.0


def smooth_step(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _patch(face, x, y, width, height) -> np.ndarray:
    """A soft ellipse seen from the front, float32 [n]."""
    across, up = (face[:, 0] - x) / width, (face[:, 1] - y) / height
    return np.exp(-(across**2) - up**2).astype(np.float32)


def _polygon_distance(face, polygon) -> np.ndarray:
    """Distance to the edge of a polygon seen from the front, positive inside."""
    contour = np.ascontiguousarray(polygon[:, :2], np.float32).reshape(-1, 1, 2)
    return np.array(
        [cv2.pointPolygonTest(contour, (float(x), float(y)), True) for x, y, _ in face],
        np.float32,
    )


def _lips(face, landmarks) -> np.ndarray:
    contour = landmarks[_OUTER_LIPS]
    inside = _polygon_distance(face, contour)
    lips = np.clip(inside / 0.15 + 0.6, 0, 1)
    return lips * (face[:, 2] > contour[:, 2].min() - _LIP_DEPTH)


def _along_polyline(points, polyline) -> tuple[np.ndarray, np.ndarray]:
    """Place along a line of points, 0 to 1, and distance from it; [n] each."""
    best = np.full(len(points), np.inf)
    place = np.zeros(len(points))
    lengths = np.linalg.norm(np.diff(polyline, axis=0), axis=1)
    before = np.concatenate([[0.0], np.cumsum(lengths)])
    for i, length in enumerate(lengths):
        step = polyline[i + 1] - polyline[i]
        share = np.clip((points - polyline[i]) @ step / length**2, 0, 1)
        distance = np.linalg.norm(points - polyline[i] - share[:, None] * step, axis=1)
        nearer = distance < best
        best[nearer] = distance[nearer]
        place[nearer] = ((before[i] + share * length) / before[-1])[nearer]
    return place, best


def _furrow(face, polyline, width) -> np.ndarray:
    """A valley of depth 1 along a line seen from the front, ending softly."""
    place, distance = _along_polyline(face[:, :2], polyline)
    ends = np.clip(np.minimum(place, 1 - place) * 6, 0, 1)
    return -np.exp(-((distance / width) ** 2)) * ends


def _brow_coordinates(face, landmarks, front) -> tuple[np.ndarray, np.ndarray]:
    along = np.zeros(len(face), np.float32)
    above = np.full(len(face), 9.0, np.float32)
    for points, side in (
        (landmarks[_RIGHT_BROW][::-1], -1.0),
        (landmarks[_LEFT_BROW], 1.0),
    ):
        # Height over the curve through the landmarks at the vertex's own x.
        near = front & (side * face[:, 0] > 0) & (face[:, 2] > points[:, 2].min() - 2.5)
        x, y = side * points[:, 0], points[:, 1]
        order = np.argsort(x)
        x, y = x[order], y[order]
        mine = side * face[near, 0]
        along[near] = (mine - x[0]) / (x[-1] - x[0])
        # Beyond the ends the curve goes on with the slope there.
        slopes = np.polyfit(x, y, 2)
        curve = np.where(
            (mine < x[0]) | (mine > x[-1]),
            np.polyval(slopes, mine),
            np.interp(mine, x, y),
        )
        above[near] = face[near, 1] - curve
    return along, above


def _noise_bank(skin: np.ndarray) -> dict[str, np.ndarray]:
    """Waves through space in random directions, a few of each wavelength.

    Sums of them with random normal weights are smooth random fields.
    """
    generator = np.random.default_rng(0)
    bank = {}
    for name, frequency, count in (("broad", 0.4, 12), ("medium", 1.5, 16),
                                   ("fine", 5.0, 24)):  # fmt: skip
        waves = generator.normal(size=(count, 3)) * frequency
        phases = generator.uniform(0, 2 * np.pi, size=(count, 1))
        bank[name] = np.sqrt(2 / count) * np.sin(waves @ skin.T + phases)
        bank[name] = np.ascontiguousarray(bank[name], np.float32)
    return bank
