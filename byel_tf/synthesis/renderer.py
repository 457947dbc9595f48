"""Draws a face with a head: geometry, light and what the camera makes of it."""

from __future__ import annotations

import math

import cv2
import numpy as np

from byel_tf.faces.crop import TOP_ABOVE_EYES
from byel_tf.synthesis.anatomy import Anatomy
from byel_tf.synthesis.background import draw_background
from byel_tf.synthesis.face import Camera, Face, Light, Pose
from byel_tf.synthesis.glasses import draw_glasses
from byel_tf.synthesis.hands import draw_hands
from byel_tf.synthesis.heads.head import LEFT_EYE, RIGHT_EYE, Head
from byel_tf.synthesis.image_processing import photograph
from byel_tf.synthesis.mesh import (
    add_modes,
    add_shape,
    concavity,
    project,
    transform,
    vertex_normals,
)
from byel_tf.synthesis.rasterizer import (
    depth_map,
    develop,
    light_reaching,
    rasterize,
    shade,
)
from byel_tf.synthesis.surface import paint

# Pixels along a side that are drawn for one of the picture, and from which size fewer.
_FINE, _COARSE, _COARSE_FROM = 2.5, 2.0, 80
_SHADOW_SIZE = 112
# Width of the shadow map and the depth by which surfaces may lie behind it, cm.
_SHADOW_WIDTH, _SHADOW_BIAS = 34.0, 0.45
# What the head turns about, cm.
_PIVOT = np.array([0.0, 0.0, 2.0], np.float32)
_ORIGIN = np.zeros(3, np.float32)
_CONCAVITY_PASSES = 2
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
# Display values of linear light from 0 to 1.6: a table, since powers are slow.
_DISPLAY = (np.linspace(0, 1.6, 4097) ** (1 / 2.2)).astype(np.float32)
# Lips closer than this hide the mouth, cm.
_CLOSED = 0.08


class Renderer:
    """Draws faces with one head.

    It keeps the last person's geometry, so that drawing a person's pictures one after
    another is quicker; pictures don't depend on it.
    """

    def __init__(self, head: Head):
        """Works out what is the same for every face."""
        self.head = head
        self._anatomy = Anatomy(head)
        self._person: tuple | None = None
        self._person_vertices: np.ndarray | None = None
        centres = [
            head.vertices[self._anatomy.parts[region]].mean(axis=0)
            for region in (RIGHT_EYE, LEFT_EYE)
        ]
        # How much a vertex belongs to each eye, for making eyes larger.
        self._near_eyes = [
            np.exp(-(((head.vertices - centre) / [2.6, 2.2, 4.0]) ** 2).sum(axis=1))
            .astype(np.float32)[:, None]
            for centre in centres
        ]  # fmt: skip

    def render(self, face: Face, size: int) -> np.ndarray:
        """Draws a face.

        Args:
            face: The face.
            size: Side in pixels, from 16.

        Returns:
            uint8 [size, size, 3], sRGB.
        """
        return photograph(self._draw(face, size), face)

    def render_clean(self, face: Face, size: int) -> np.ndarray:
        """Draws a face without image processing, to be judged by eye; as `render`."""
        picture = self._draw(face, size)
        return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)

    def _draw(self, face: Face, size: int) -> np.ndarray:
        """The picture before image processing, display values float32 [S, S, 3]."""
        head, anatomy = self.head, self._anatomy
        factor = _COARSE if size >= _COARSE_FROM else _FINE
        internal = round(size * factor)
        generator = np.random.default_rng((face.texture_seed, 1))

        at_rest = self._identity(face)
        vertices = at_rest.copy()
        for name, weight in face.action_units.items():
            shape = head.expressions.get(name)
            if shape is not None and abs(weight) > 1e-3:
                add_shape(vertices, shape.indices, shape.offsets, np.float32(weight))
        surface = paint(anatomy, face)
        skin = anatomy.skin
        height = surface.thickness
        height[anatomy.face] += _wrinkles(anatomy, face, generator)
        vertices[skin] += anatomy.rest_normals[skin] * height[:, None]

        triangles, is_lash = self._seen(vertices[head.landmarks])
        normals = vertex_normals(vertices, triangles)
        openness = np.ones(len(vertices), np.float32)
        hollow = concavity(vertices, normals, *anatomy.adjacency, _CONCAVITY_PASSES)
        openness[skin] = np.clip(
            1 - face.surroundings.occlusion * np.clip(hollow, -0.35, 1.3), 0.15, 1.35
        )

        turn = _rotation(face.pose)
        turned = transform(vertices, turn, _PIVOT)
        normals = transform(normals, turn, _ORIGIN)
        view = _View(
            face.camera,
            face.pose,
            (at_rest[head.landmarks] - _PIVOT) @ turn.T,
            turned[head.landmarks],
            internal,
        )
        points = view.project(turned)
        depth, shown, weights = rasterize(
            points,
            triangles,
            is_lash,
            face.eyes.lashes,
            face.texture_seed,
            internal,
        )
        lights = np.array(
            [_light(face.key_light)]
            + [_light(x) for x in (face.fill_light, face.rim_light) if x.strength > 0],
            np.float32,
        )
        lit = np.ones(len(vertices), np.float32)
        if face.surroundings.shadow > 0:
            reaching = self._reaching(turned, lights[0, :3])
            lit = 1 - np.float32(face.surroundings.shadow) * (1 - reaching)
        picture = shade(
            shown,
            weights,
            triangles,
            normals,
            surface.albedo,
            surface.gloss,
            surface.sharpness,
            openness,
            lit,
            lights,
            _ambient(face),
            np.float32(face.surroundings.wrap),
        )
        covered = shown >= 0
        behind = draw_background(face.background, internal, generator)
        gain = _exposure(picture, covered, face)
        picture = develop(picture, covered, behind, gain, _DISPLAY)
        draw_glasses(picture, depth, face, vertices[head.landmarks], turn, _PIVOT, view)
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        draw_hands(picture, face, generator)
        return picture

    def _seen(self, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Triangles that may be seen, and which of them are lashes."""
        gap = np.linalg.norm(landmarks[61:64] - landmarks[67:64:-1], axis=1).max()
        anatomy = self._anatomy
        if gap < _CLOSED:
            return anatomy.outer, anatomy.outer_is_lash
        return self.head.triangles, anatomy.is_lash

    def _identity(self, face: Face) -> np.ndarray:
        """The person at rest, float32 [V, 3]."""
        person = (face.identity, face.shape)
        if person != self._person:
            count = min(len(self.head.identities), len(face.identity))
            weights = np.array(face.identity[:count], np.float32)
            vertices = self.head.vertices.copy()
            add_modes(vertices, self.head.identities, weights)
            self._apply_proportions(vertices, face)
            self._person, self._person_vertices = person, vertices
        return self._person_vertices

    def _apply_proportions(self, vertices: np.ndarray, face: Face) -> None:
        shape = face.shape
        for near, region in zip(self._near_eyes, (RIGHT_EYE, LEFT_EYE), strict=True):
            centre = vertices[self._anatomy.parts[region]].mean(axis=0)
            vertices += (shape.eye_scale - 1) * near * (vertices - centre)
        # Below the nose bridge, growing to the full factor at the nose's wings.
        bridge = self._anatomy.eye_centres[:, 1].mean() - 1.4
        y = vertices[:, 1]
        below = np.minimum(0, y - bridge)
        t = np.clip((3 - y) / 5, 0, 1)
        vertices[:, 1] = y + below * (shape.lower_face - 1) * t * t * (3 - 2 * t)
        t = np.clip((1 - y) / 6, 0, 1)
        vertices[:, 0] *= 1 + (shape.jaw_width - 1) * t * t * (3 - 2 * t)

    def _reaching(self, turned: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Share of a light from a direction that reaches each vertex, float32 [V]."""
        across = np.cross([0.0, 1.0, 0.0], direction)
        across /= np.linalg.norm(across) + 1e-6
        up = np.cross(direction, across)
        scale = _SHADOW_SIZE / _SHADOW_WIDTH
        axes = np.stack([across * scale, -up * scale, direction]).astype(np.float32)
        points = transform(turned, axes, _ORIGIN)
        points[:, :2] += np.float32(_SHADOW_SIZE / 2)
        nearest = depth_map(points, self._anatomy.casting, _SHADOW_SIZE)
        return light_reaching(points, nearest, np.float32(_SHADOW_BIAS))


class _View:
    """Perspective of a camera on the z axis, with the crop of `byel_tf.faces.crop`."""

    def __init__(self, camera: Camera, pose: Pose, at_rest, moved, size: int):
        """Chooses the crop.

        Args:
            camera: Camera and crop.
            pose: Turn of the head.
            at_rest: Turned landmarks without expression, cm, [68, 3].
            moved: The same with expression.
            size: Side of the picture in pixels.
        """
        self._distance = camera.distance
        rest, now = self._flatten(at_rest), self._flatten(moved)
        eyes, mouth = at_rest[36:48].mean(axis=0), at_rest[48:60].mean(axis=0)
        reach = np.linalg.norm(eyes - mouth) / (camera.distance - 8)
        height = TOP_ABOVE_EYES * reach * math.cos(math.radians(pose.pitch))
        top = rest[36:48, 1].mean() + height
        # An open mouth moves the chin; a crop follows it half way.
        chin = (rest[6:11, 1].min() + now[6:11, 1].min()) / 2
        middle = (rest[36:48, 0].mean() + (rest[1, 0] + rest[15, 0]) / 2) / 2
        self._x = middle + camera.offset_x * reach
        self._y = (top + chin) / 2 - camera.offset_y * reach
        self._scale = size / max(reach * camera.side, (top - chin) * camera.fit)
        self._half = size / 2 - 0.5

    def _flatten(self, points: np.ndarray) -> np.ndarray:
        return points[:, :2] / (self._distance - points[:, 2:])

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixel x, pixel y and depth of points [N, 3] in the camera's frame."""
        return project(
            np.asarray(points, np.float32),
            np.float32(self._distance),
            np.float32(self._scale),
            np.float32(self._half - self._x * self._scale),
            np.float32(self._half + self._y * self._scale),
        )

    def pixels(self, length: float) -> float:
        """Pixels of a length in cm near the face's front."""
        return length * self._scale / (self._distance - 10)


def _rotation(pose: Pose) -> np.ndarray:
    """Turns points of a head at rest, float32 [3, 3]: yaw, then pitch, then roll."""
    yaw, pitch, roll = (math.radians(a) for a in (pose.yaw, pose.pitch, pose.roll))
    about_y = [
        [math.cos(yaw), 0, math.sin(yaw)],
        [0, 1, 0],
        [-math.sin(yaw), 0, math.cos(yaw)],
    ]
    about_x = [
        [1, 0, 0],
        [0, math.cos(pitch), -math.sin(pitch)],
        [0, math.sin(pitch), math.cos(pitch)],
    ]
    about_z = [
        [math.cos(roll), -math.sin(roll), 0],
        [math.sin(roll), math.cos(roll), 0],
        [0, 0, 1],
    ]
    return (np.array(about_z) @ about_x @ about_y).astype(np.float32)


def _warm(warmth: float) -> np.ndarray:
    """Linear RGB of light of about unit luminance, from blue, -1, to orange, 1."""
    return np.exp(warmth * np.array([0.3, 0.0, -0.45]))


def _light(light: Light) -> np.ndarray:
    azimuth, elevation = math.radians(light.azimuth), math.radians(light.elevation)
    direction = (
        math.sin(azimuth) * math.cos(elevation),
        math.sin(elevation),
        math.cos(azimuth) * math.cos(elevation),
    )
    return np.concatenate([direction, light.strength * _warm(light.warmth)])


def _ambient(face: Face) -> np.ndarray:
    around = face.surroundings
    level = around.ambient * _warm(around.warmth)
    slopes = (around.from_side, around.from_above, around.from_front)
    return np.concatenate([level, slopes]).astype(np.float32)


def _wrinkles(anatomy: Anatomy, face: Face, generator) -> np.ndarray:
    """Height of folds over the skin, cm, float32 [n_face]; movement deepens them."""
    weights = face.action_units

    def both(name: str) -> float:
        return 0.5 * (weights.get(f"{name}_L", 0) + weights.get(f"{name}_R", 0))

    movement = {
        "forehead": 0.6 * both("browInnerUp")
        + 0.6 * both("browOuterUp")
        - 0.3 * both("browDown"),
        "glabella": both("browDown") + 0.3 * both("noseSneer"),
        "nasolabial": max(
            both("mouthSmile"),
            both("noseSneer"),
            0.8 * both("mouthUpperUp"),
            0.6 * both("cheekSquint"),
        ),
        "nose_sides": both("noseSneer"),
        "crows_feet": max(
            both("cheekSquint"), both("cheekRaiser"), 0.8 * both("eyeSquint")
        ),
        "under_eyes": max(both("cheekRaiser"), both("cheekSquint"), both("eyeSquint")),
        "chin": weights.get("mouthShrugLower", 0.0),
        "mouth_corners": max(both("mouthFrown"), 0.7 * both("mouthStretch")),
    }
    depth = 0.16 * (0.25 + face.shape.age)
    height = np.zeros(anatomy.face.stop, np.float32)
    for name, weight in movement.items():
        at_rest = face.shape.age * 0.035 * generator.random()
        amount = depth * min(1.3, max(0.0, weight)) + at_rest
        height += np.float32(amount) * anatomy.folds[name]
    return height


def _exposure(picture: np.ndarray, covered: np.ndarray, face: Face) -> np.float32:
    """The gain that exposes a picture's face to its own tone."""
    size = len(picture)
    middle = slice(size // 4, 3 * size // 4, 3)
    tone = picture[middle, middle][covered[middle, middle]] @ _LUMA
    median = float(np.median(tone)) if len(tone) else 0.2
    # Dark skin is exposed darker than pale skin, but by less than it is.
    own = 0.63 * math.exp(-0.9 * face.skin.melanin)
    target = min(0.8, max(0.08, 0.5 * own / 0.35 + face.image.exposure)) ** 1.8
    return np.float32(target / max(median, 1e-3))
