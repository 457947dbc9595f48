"""From pixels to places on the head, and the few shapes that are painted there.

Every pixel is carried back through crop, lens, roll, pitch and yaw onto an
ellipsoid; u and v tell which place of the face it sees (see `face` for the units).
Features are then curves and bumps in u and v, and the pose needs no further thought.
"""

from __future__ import annotations

import copy
import math

import numpy as np

from byel_tf.synthesis.face import Colour, Face

# Semi-axes (right, down, towards the viewer) of the head in face units: wider than
# the face, so that the cheeks still face the camera where the ears begin.
HEAD_AXES = (1.15, 1.55, 1.0)
# A detector's crop follows a turned face this far; the rest shows as a shift.
CROP_FOLLOWS = 0.75
NOSE_PROTRUSION = 0.28
_FOLD_ABSORPTION = np.array([0.85, 0.95, 1.0]).reshape(3, 1, 1)


class HeadSurface:
    """The head as the pixel grid sees it, and the paint on it.

    Attributes:
        u: Place across the face, float64 [n, n].
        v: Place down the face, float64 [n, n].
        nose_u: `u` as the protruding nose sees it; differs with yaw.
        nose_v: `v` as the protruding nose sees it; differs with pitch.
        normal: Unit normals of the ellipsoid in camera axes, [3, n, n].
        pixel: Side of a pixel in face units.
        relief: Height of the features over the ellipsoid in face units, [n, n].
        paint: Linear-light colour of the surface, [3, n, n].
        coverage: How much of each pixel the person covers, [n, n] in [0, 1].
    """

    def __init__(self, face: Face, side: int) -> None:
        """Maps the pixels of a square picture.

        Args:
            face: Gives pose and camera.
            side: Pixels along a side.
        """
        pose, camera = face.pose, face.camera
        grid = (np.arange(side) + 0.5) / side * 2 - 1
        x = ((grid - camera.offset_x) / camera.zoom)[None, :]
        y = ((grid - camera.offset_y) / camera.zoom)[:, None]
        # The lens magnifies the middle: pixels far out look still farther out.
        bend = 1 + camera.lens * (x * x + y * y - 0.6)
        x, y = x * bend, y * bend
        sin, cos = _sin_cos(pose.roll)
        x, y = x * cos + y * sin, y * cos - x * sin

        sin_yaw, cos_yaw = _sin_cos(pose.yaw)
        sin_pitch, cos_pitch = _sin_cos(pose.pitch)
        follow = CROP_FOLLOWS * HEAD_AXES[2]
        x = x + follow * sin_yaw * cos_pitch
        y = y - follow * sin_pitch
        # A sight line in the head's axes: origin + depth * direction.
        depth_0 = x * sin_yaw
        origin = (
            x * cos_yaw,
            y * cos_pitch + depth_0 * sin_pitch,
            depth_0 * cos_pitch - y * sin_pitch,
        )
        direction = (-sin_yaw, cos_yaw * sin_pitch, cos_yaw * cos_pitch)
        a = sum((d / r) ** 2 for d, r in zip(direction, HEAD_AXES, strict=True))
        b = sum(
            o * (d / r**2) for o, d, r in zip(origin, direction, HEAD_AXES, strict=True)
        )
        c = sum((o / r) ** 2 for o, r in zip(origin, HEAD_AXES, strict=True)) - 1
        # Beside the head the nearest point takes over, so u and v stay continuous.
        depth = (np.sqrt(np.maximum(b * b - a * c, 0)) - b) / a
        self.u, self.v, forward = (
            o + depth * d for o, d in zip(origin, direction, strict=True)
        )

        nx, ny, nz = (
            p / r**2 for p, r in zip((self.u, self.v, forward), HEAD_AXES, strict=True)
        )
        ny, nz = ny * cos_pitch - nz * sin_pitch, ny * sin_pitch + nz * cos_pitch
        nx, nz = nx * cos_yaw + nz * sin_yaw, nz * cos_yaw - nx * sin_yaw
        sin, cos = _sin_cos(pose.roll)
        nx, ny = nx * cos - ny * sin, ny * cos + nx * sin
        self.normal = np.stack([nx, ny, nz])
        self.normal /= np.sqrt(nx * nx + ny * ny + nz * nz)

        identity = face.identity
        tip = identity.nose_base - 0.06
        protrusion = NOSE_PROTRUSION * bump(
            self.u, self.v - tip + 0.08, 2 * identity.nose_width, 0.34
        )
        self.nose_u = self.u - sin_yaw * protrusion
        self.nose_v = self.v + sin_pitch * protrusion

        self.pixel = 2 / side / camera.zoom
        self.relief = np.zeros((side, side))
        self.paint = np.zeros((3, side, side))
        self.coverage = np.zeros((side, side))

    def window(
        self, left: float, right: float, top: float, bottom: float
    ) -> HeadSurface:
        """The part of the surface around a feature, to save work elsewhere.

        Args:
            left: Lowest u that matters.
            right: Highest u that matters.
            top: Lowest v that matters.
            bottom: Highest v that matters.

        Returns:
            A surface whose arrays are views of this one's: painting it paints this.
        """
        seen = (self.u > left) & (self.u < right)
        seen &= (self.v > top) & (self.v < bottom)
        part = copy.copy(self)
        box = []
        for axis in (1, 0):
            places = np.flatnonzero(seen.any(axis=axis))
            # Turned out of sight: two pixels stand for nothing.
            box.append(slice(places[0], places[-1] + 1) if places.size else slice(0, 2))
        for name, array in vars(self).items():
            if isinstance(array, np.ndarray):
                setattr(part, name, array[(..., *box)])
        return part

    def half_window(
        self, side: int, inner: float, outer: float, top: float, bottom: float
    ) -> HeadSurface:
        """A window on one half of the face.

        Args:
            side: -1 for the picture's left, 1 for its right.
            inner: Distance from the midline where it begins; negative is across it.
            outer: Distance from the midline where it ends.
            top: Lowest v that matters.
            bottom: Highest v that matters.

        Returns:
            As `window`.
        """
        left, right = sorted((side * inner, side * outer))
        return self.window(left, right, top, bottom)

    def inside(self, distance: np.ndarray) -> np.ndarray:
        """Coverage of a region, from the distance to its edge in face units.

        Args:
            distance: Positive inside.

        Returns:
            Coverage in [0, 1], with an edge one pixel wide.
        """
        # Plain ufuncs: for arrays this small `np.clip` costs three times as much.
        return np.minimum(np.maximum(distance / self.pixel + 0.5, 0), 1)

    def line(self, distance: np.ndarray, half_width: float | np.ndarray) -> np.ndarray:
        """Coverage of a line; one thinner than a pixel grows faint, not thick.

        Args:
            distance: Distance to its middle, of either sign, in face units.
            half_width: Half its thickness in face units.

        Returns:
            Coverage in [0, 1].
        """
        distance = np.abs(distance)
        return self.inside(half_width - distance) - self.inside(-half_width - distance)

    def disc(self, distance: np.ndarray, radius: float) -> np.ndarray:
        """Coverage of a disc; one smaller than a pixel grows faint, not large.

        Args:
            distance: Distance to its centre, not negative, in face units.
            radius: Its radius in face units.

        Returns:
            Coverage in [0, 1].
        """
        share = min(1.0, np.pi * (radius / self.pixel) ** 2)
        return share * self.inside(radius - distance)

    def put(self, colour: np.ndarray, coverage: np.ndarray) -> None:
        """Paints a marking on what is there.

        Args:
            colour: Linear light, [3, 1, 1] or [3, n, n].
            coverage: In [0, 1], [n, n].
        """
        self.paint += (colour - self.paint) * coverage

    def add(self, colour: np.ndarray, coverage: np.ndarray) -> None:
        """Adds a part of the person, which hides the background.

        Args:
            colour: Linear light, [3, 1, 1] or [3, n, n].
            coverage: In [0, 1], [n, n].
        """
        self.put(colour, coverage)
        np.maximum(self.coverage, coverage, out=self.coverage)

    def darken(self, amount: np.ndarray) -> None:
        """Darkens the skin's paint, blue most, as thin skin and folds do.

        Args:
            amount: 0 (nothing) to 1 (nearly black), [n, n].
        """
        self.paint *= 1 - _FOLD_ABSORPTION * np.minimum(amount, 0.95)


def _sin_cos(degrees: float) -> tuple[float, float]:
    return math.sin(math.radians(degrees)), math.cos(math.radians(degrees))


def linear(colour: Colour) -> np.ndarray:
    """Linear light of an sRGB colour (gamma 2.2), float64 [3, 1, 1]."""
    return (np.array(colour) ** 2.2).reshape(3, 1, 1)


def bump(x: np.ndarray, y: np.ndarray, width: float, height: float) -> np.ndarray:
    """A Gaussian hill of height 1 that falls to 1/e at `width` and `height`."""
    return np.exp(-((x / width) ** 2) - (y / height) ** 2)


def smooth(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """The smoothstep from 0 at `low` to 1 at `high`."""
    t = np.minimum(np.maximum((x - low) / (high - low), 0), 1)
    return t * t * (3 - 2 * t)


def cloud(seed: int, side: int, cells: int) -> np.ndarray:
    """Smooth noise that looks alike at every size.

    Args:
        seed: Not negative.
        side: Pixels along a side.
        cells: Random values along a side.

    Returns:
        Noise in [-1, 1], float64 [side, side].
    """
    generator = np.random.Generator(np.random.Philox(seed))
    grid = generator.uniform(-1, 1, size=(cells + 1, cells + 1))
    place = (np.arange(side) + 0.5) / side * cells
    index = np.minimum(place.astype(int), cells - 1)
    share = place - index
    rows = grid[index] + (grid[index + 1] - grid[index]) * share[:, None]
    return rows[:, index] + (rows[:, index + 1] - rows[:, index]) * share
