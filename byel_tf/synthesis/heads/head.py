"""What the renderer needs to know of a head, whichever it is."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from byel_tf.synthesis.face import Face

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
class Texture:
    """A picture of skin that goes round a head.

    Attributes:
        pixels: Picture, uint8 [S, S, 3].
        factors: What a level of each channel does to the skin's colour, float32
            [3, 256]; about 1 at the picture's median.
        beard: As in the face's hair, where the person has one.
    """

    pixels: np.ndarray
    factors: np.ndarray
    beard: str = "none"


@dataclasses.dataclass(frozen=True)
class Cards:
    """Sheets with hair drawn on them, between which the rest is seen.

    Attributes:
        points: Their corners, cm, float32 [N, 3].
        triangles: int32 [T, 3], seen from both sides.
        places: Of each triangle's corners on its picture, right and down from 0 to 1,
            float32 [T, 3, 2].
        layers: Which of the following a triangle has, int32 [T].
        pictures: Luminance against the mean, 64 being as bright, and opacity, uint8
            [L, S, S, 2].
        sizes: Side of the part of each that is used, from its corner, int32 [L].
        colours: Linear RGB of the hair, float32 [L, 3].
        opacities: Factor on the picture's opacity, float32 [L].
        depths: How far behind another surface a sheet is still seen, cm, float32 [L].
        casts: Whether a layer casts shadows, bool [L].
        gloss: Strength of the highlights, float32 [L].
        layer_of_points: Which layer a point belongs to, int32 [N].
    """

    points: np.ndarray
    triangles: np.ndarray
    places: np.ndarray
    layers: np.ndarray
    pictures: np.ndarray
    sizes: np.ndarray
    colours: np.ndarray
    opacities: np.ndarray
    depths: np.ndarray
    casts: np.ndarray
    gloss: np.ndarray
    layer_of_points: np.ndarray


class Person(abc.ABC):
    """Somebody with a head, whom a face describes.

    Attributes:
        vertices: The person at rest, cm, float32 [V, 3].
        texture: The skin's, or None where it has one colour but for what is painted.
    """

    vertices: np.ndarray
    texture: Texture | None = None

    @abc.abstractmethod
    def moved(self, action_units: Mapping[str, float]) -> np.ndarray:
        """The person's vertices with an expression, a new float32 [V, 3].

        Args:
            action_units: Weight by shape name; absent ones are at rest.
        """

    def painted(self, face: Face) -> Face:
        """What of a face is painted on the vertices and chosen for the view.

        Args:
            face: One of this person.

        Returns:
            It, or another where the person has hair, years or beard of their own.
        """
        return face

    def cards(self, face: Face, action_units: Mapping[str, float]) -> Cards | None:
        """The sheets of hair of a face with an expression, if there are any."""
        return None


@dataclasses.dataclass(frozen=True)
class Head(abc.ABC):
    """What many persons' heads share: a mesh, its parts and its landmarks.

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
        landmarks: Vertices of the 68 landmarks of iBUG's 300-W scheme, in its order,
            int32 [68]: jaw line from the subject's right ear to the left one (0 to
            16), brows (17 to 26), nose (27 to 35), eyes (36 to 47), outer lip
            contour (48 to 59), inner one (60 to 67).
    """

    #: Depths below the eyes at which clothes begin and cover everything, cm.
    collar: ClassVar[tuple[float, float]] = (8.4, 11.6)
    #: How bright the inside of the mouth is.
    mouth_light: ClassVar[float] = 1.0

    name: str
    vertices: np.ndarray
    triangles: np.ndarray
    regions: np.ndarray
    landmarks: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.vertices)
        self.check("vertices", self.vertices, np.float32, (count, 3))
        self.check("triangles", self.triangles, np.int32, (len(self.triangles), 3))
        self.check("regions", self.regions, np.int8, (count,))
        self.check("landmarks", self.landmarks, np.int32, (68,))
        skin = self.regions[self.regions <= SCALP]
        if (self.regions[: len(skin)] != np.sort(skin)).any():
            raise ValueError("The face's vertices come first, then the scalp's.")

    def check(self, name: str, array: np.ndarray, dtype: type, shape: tuple) -> None:
        """Says what is wrong with an array; integers are taken for vertices.

        Raises:
            ValueError: If its type or shape differs, or it names no vertex.
        """
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(
                f"{name} must be {np.dtype(dtype)} of shape {shape}. "
                f"Received: {array.dtype} of shape {array.shape}"
            )
        count = len(self.vertices)
        if dtype is np.int32 and (array.min() < 0 or array.max() >= count):
            raise ValueError(
                f"{name} must name vertices below {count}. "
                f"Received: {array.min()} to {array.max()}"
            )

    def count(self, region: int) -> int:
        """Number of vertices of a region."""
        return int((self.regions == region).sum())

    @abc.abstractmethod
    def person(self, face: Face) -> Person:
        """The person whom the sections `OF_THE_PERSON` of a face describe."""

    def places(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Where the corners of the skin's triangles are on its picture.

        Returns:
            Number of each triangle's row in the second array, or -1, int32 [T], and
            places from 0 to 1, right and down, float32 [N, 3, 2]; None for a head
            whose persons have no texture.
        """
        return None
