"""What the renderer needs to know of a head, whichever it is."""

from __future__ import annotations

import dataclasses

import numpy as np

#: Parts of a head, by the number that `Head.regions` holds.
REGIONS = (
    "face",
    "scalp",  # with ears and neck
    "mouth_socket",
    "eye_socket",
    "gums",
    "teeth",
    "left_eye",
    "right_eye",
    "lashes",
)
FACE, SCALP, MOUTH_SOCKET, EYE_SOCKET, GUMS, TEETH, LEFT_EYE, RIGHT_EYE, LASHES = range(
    len(REGIONS)
)


@dataclasses.dataclass(frozen=True)
class Shape:
    """A displacement of some vertices: an expression at weight 1.

    Attributes:
        indices: Vertices that move, int32 [n], ascending.
        offsets: Their displacement in centimetres, float32 [n, 3].
    """

    indices: np.ndarray
    offsets: np.ndarray


@dataclasses.dataclass(frozen=True)
class Head:
    """A morphable head at rest, with what changes it.

    Coordinates are centimetres in a right-handed frame: x to the subject's left,
    which is the viewer's right, y up, z out of the face to the viewer. The origin
    lies inside the head, near the bridge of the nose in x and y.

    Attributes:
        name: What a data set records as its head.
        vertices: The average face with no expression, float32 [V, 3]. The face and
            scalp come first, in this order.
        triangles: Vertices of each triangle, counter-clockwise seen from outside,
            int32 [T, 3]. All three lie in one region, or in face and scalp.
        regions: Index in `REGIONS` of each vertex, int8 [V].
        identities: Modes of identity, float32 [M, V, 3] in centimetres: weights
            that are independent and standard normal give a population of faces.
        expressions: Displacement by name; those of `ACTION_UNITS`, with `_L` or `_R`
            for the subject's left or right where the unit has two sides.
        landmarks: Vertices of the 68 landmarks of iBUG's 300-W scheme, in its order,
            int32 [68]: jaw line from the subject's right ear to the left one (0 to
            16), brows (17 to 26), nose (27 to 35), eyes (36 to 47), outer lip
            contour (48 to 59), inner one (60 to 67).
    """

    name: str
    vertices: np.ndarray
    triangles: np.ndarray
    regions: np.ndarray
    identities: np.ndarray
    expressions: dict[str, Shape]
    landmarks: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.vertices)
        checks = (
            ("vertices", self.vertices, np.float32, (count, 3)),
            ("triangles", self.triangles, np.int32, (len(self.triangles), 3)),
            ("regions", self.regions, np.int8, (count,)),
            (
                "identities",
                self.identities,
                np.float32,
                (len(self.identities), count, 3),
            ),
            ("landmarks", self.landmarks, np.int32, (68,)),
        )
        for name, array, dtype, shape in checks:
            if array.dtype != dtype or array.shape != shape:
                raise ValueError(
                    f"{name} must be {np.dtype(dtype)} of shape {shape}. "
                    f"Received: {array.dtype} of shape {array.shape}"
                )
            if dtype is np.int32 and (array.min() < 0 or array.max() >= count):
                raise ValueError(
                    f"{name} must name vertices below {count}. "
                    f"Received: {array.min()} to {array.max()}"
                )
        skin = self.regions[self.regions <= SCALP]
        if (self.regions[: len(skin)] != np.sort(skin)).any():
            raise ValueError("The face's vertices come first, then the scalp's.")

    def count(self, region: int) -> int:
        """Number of vertices of a region."""
        return int((self.regions == region).sum())
