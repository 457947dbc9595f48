"""Draws a face with a head: geometry, light and what the camera makes of it."""

from __future__ import annotations

import math

import cv2
import numpy as np

from byel_tf.faces.crop import TOP_ABOVE_EYES
from byel_tf.synthesis.anatomy import Anatomy
from byel_tf.synthesis.background import draw_background
from byel_tf.synthesis.cards import (
    card_normals,
    casting,
    develop_covered,
    draw_cards,
    light_corners,
)
from byel_tf.synthesis.face import OF_THE_PERSON, Camera, Face, Light, Pose
from byel_tf.synthesis.glasses import draw_glasses
from byel_tf.synthesis.hands.blot import draw_blot
from byel_tf.synthesis.hands.held import Holder
from byel_tf.synthesis.heads.head import Head, Person
from byel_tf.synthesis.image_processing import photograph
from byel_tf.synthesis.mesh import (
    concavity,
    project,
    transform,
    vertex_normals,
)
from byel_tf.synthesis.printing import print_over
from byel_tf.synthesis.rasterizer import (
    depth_map,
    develop,
    light_reaching,
    rasterize,
    shade,
)
from byel_tf.synthesis.surface import paint
from byel_tf.synthesis.texture import SkinTexture, beard, lay_texture
from byel_tf.synthesis.worn import with_worn

# Pixels along a side that are drawn for one of the picture, and from which size fewer.
_FINE, _COARSE, _COARSE_FROM = 2.5, 2.0, 80
_SHADOW_SIZE = 112
# Width of the shadow map and the depth by which surfaces may lie behind it, cm.
_SHADOW_WIDTH, _SHADOW_BIAS = 34.0, 0.45
# What the head turns about, cm.
_PIVOT = np.array([0.0, 0.0, 2.0], np.float32)
_ORIGIN = np.zeros(3, np.float32)
_CONCAVITY_PASSES = 2
# Depth in front of a hand at which hair is still below it, cm.
_PRESSED = np.float32(2.5)
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
        self._hands = Holder(head, self._anatomy.casting)
        self._described: tuple | None = None
        self._person: Person | None = None
        self._skin_texture = SkinTexture.of(self._anatomy)

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

        person = self.person(face)
        action_units = face.action_units
        vertices = person.moved(action_units)
        cards = person.cards(face, action_units)
        face = person.painted(face)
        cards = with_worn(cards, anatomy, face, vertices)
        surface = paint(anatomy, face)
        skin = anatomy.skin
        height = surface.thickness
        wrinkles = _wrinkles(face, generator)
        if person.texture is None:
            height[anatomy.face] += _relief(anatomy, wrinkles)
        vertices[skin] += anatomy.rest_normals[skin] * height[:, None]

        triangles, is_lash, rows = self._seen(vertices[head.landmarks])
        normals = vertex_normals(vertices, triangles)
        openness = np.ones(len(vertices), np.float32)
        hollow = concavity(vertices, normals, *anatomy.adjacency, _CONCAVITY_PASSES)
        openness[skin] = np.clip(
            1 - face.surroundings.occlusion * np.clip(hollow, -0.35, 1.3), 0.15, 1.35
        )

        hands = self._hands.held(face, person, vertices, skin)
        landmarks = vertices[head.landmarks]
        albedo, gloss, sharpness = surface.albedo, surface.gloss, surface.sharpness
        if hands is not None:
            openness[skin] *= hands.shade
            of_hands = hands.triangles + np.int32(len(vertices))
            triangles, is_lash, rows = _with_triangles(
                triangles, is_lash, rows, of_hands
            )
            vertices, normals, openness, albedo, gloss = hands.added_to(
                vertices, normals, openness, albedo, gloss
            )
            shine = np.float32(face.surroundings.highlight_sharpness)
            sharpness = np.append(sharpness, np.full(len(hands.points), shine))

        turn = _rotation(face.pose)
        turned = transform(vertices, turn, _PIVOT)
        normals = transform(normals, turn, _ORIGIN)
        view = _View(
            face.camera,
            face.pose,
            (person.vertices[head.landmarks] - _PIVOT) @ turn.T,
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
        ambient, wrap = _ambient(face), np.float32(face.surroundings.wrap)
        sheets = None if cards is None else transform(cards.points, turn, _PIVOT)
        # Of the vertices, and behind them of the sheets' points.
        on_sheets = 0 if cards is None else len(cards.points)
        lit = np.ones(len(vertices) + on_sheets, np.float32)
        if face.surroundings.shadow > 0:
            solid = self._anatomy.casting
            if hands is not None:
                solid = np.concatenate([solid, of_hands])
            reaching = _reaching(turned, solid, lights[0, :3], cards, sheets)
            lit = 1 - np.float32(face.surroundings.shadow) * (1 - reaching)
        picture = shade(
            shown,
            weights,
            triangles,
            normals,
            albedo,
            gloss,
            sharpness,
            openness,
            lit[: len(vertices)],
            lights,
            ambient,
            wrap,
        )
        if person.texture is not None:
            relief = self._skin_texture.relief(wrinkles)
            own_beard = beard(person.texture, face)
            lay_texture(picture, shown, weights, rows, self._skin_texture,
                        person.texture, relief, own_beard)  # fmt: skip
        covered = shown >= 0
        before = None if hands is None else shown >= len(triangles) - len(of_hands)
        if before is not None:
            depth[before] += _PRESSED  # hair and glasses that a hand presses down
        behind = draw_background(face.background, internal, generator)
        gain = _exposure(picture, covered, face)
        if cards is None:
            picture = develop(picture, covered, behind, gain, _DISPLAY)
        else:
            covered = covered.astype(np.float32)
            light = light_corners(
                transform(card_normals(cards), turn, _ORIGIN),
                lit[len(vertices) :],
                cards.gloss[cards.layer_of_points],
                lights,
                ambient,
                wrap,
            )
            points = view.project(sheets)
            draw_cards(cards, points, light, picture, covered, depth)
            picture = develop_covered(picture, covered, behind, gain, _DISPLAY)
        worn = picture if before is None else picture.copy()
        draw_glasses(worn, depth, face, landmarks, turn, _PIVOT, view)
        if before is not None:
            worn[before] = picture[before]
        picture = cv2.resize(worn, (size, size), interpolation=cv2.INTER_AREA)
        draw_blot(picture, face, generator)
        print_over(picture, face)
        return picture

    def _seen(self, landmarks: np.ndarray) -> tuple:
        """Triangles that may be seen, which of them are lashes, and texture's rows."""
        gap = np.linalg.norm(landmarks[61:64] - landmarks[67:64:-1], axis=1).max()
        anatomy, skin = self._anatomy, self._skin_texture
        if gap < _CLOSED:
            rows = None if skin is None else skin.outer_rows
            return anatomy.outer, anatomy.outer_is_lash, rows
        rows = None if skin is None else skin.rows
        return self.head.triangles, anatomy.is_lash, rows

    def person(self, face: Face) -> Person:
        """The person whom a face shows."""
        described = (face.identity, *(getattr(face, part) for part in OF_THE_PERSON))
        if described != self._described:
            self._person = self.head.person(face)
            self._described = described
        return self._person


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


def _reaching(turned, triangles, direction, cards, sheets) -> np.ndarray:
    """Share of a light from a direction that reaches each vertex, float32 [V].

    `triangles` cast shadows. Where there are cards, that which reaches their points
    follows.
    """
    if cards is not None:
        triangles = np.concatenate([triangles, casting(cards, len(turned))])
        turned = np.concatenate([turned, sheets])
    across = np.cross([0.0, 1.0, 0.0], direction)
    across /= np.linalg.norm(across) + 1e-6
    up = np.cross(direction, across)
    scale = _SHADOW_SIZE / _SHADOW_WIDTH
    axes = np.stack([across * scale, -up * scale, direction]).astype(np.float32)
    points = transform(turned, axes, _ORIGIN)
    points[:, :2] += np.float32(_SHADOW_SIZE / 2)
    nearest = depth_map(points, triangles, _SHADOW_SIZE)
    return light_reaching(points, nearest, np.float32(_SHADOW_BIAS))


def _with_triangles(triangles, is_lash, rows, others) -> tuple:
    """Triangles of a head, and behind them those of its hands."""
    count = len(others)
    if rows is not None:
        rows = np.append(rows, np.full(count, -1, rows.dtype))
    return (
        np.concatenate([triangles, others]),
        np.append(is_lash, np.zeros(count, bool)),
        rows,
    )


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


def _wrinkles(face: Face, generator) -> dict[str, float]:
    """Depth of each fold of the skin, cm; movement deepens them."""
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
    depths = {}
    for name, weight in movement.items():
        at_rest = face.shape.age * 0.035 * generator.random()
        depths[name] = depth * min(1.3, max(0.0, weight)) + at_rest
    return depths


def _relief(anatomy: Anatomy, depths: dict[str, float]) -> np.ndarray:
    """Height of folds over the skin, cm, float32 [n_face]."""
    height = np.zeros(anatomy.face.stop, np.float32)
    for name, depth in depths.items():
        height += np.float32(depth) * anatomy.folds[name]
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
