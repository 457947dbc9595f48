"""Draws sheets of hair over a picture, the nearest first."""

from __future__ import annotations

import numpy as np

from byel_tf.synthesis.compiled import compiled
from byel_tf.synthesis.heads.head import Cards
from byel_tf.synthesis.mesh import vertex_normals

# Hair is lit like the head it lies on more than like the sheet it is drawn on.
_HEAD_CENTRE = np.array([0.0, 3.0, 0.0], np.float32)
_ROUND = np.float32(0.6)
_SHARPNESS = np.float32(12.0)


def card_normals(cards: Cards) -> np.ndarray:
    """Unit normals of the sheets' corners, outwards, float32 [N, 3]."""
    normals = vertex_normals(cards.points, cards.triangles)
    out = cards.points - _HEAD_CENTRE
    out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-6
    inwards = (normals * out).sum(axis=1, keepdims=True) < 0
    normals = np.where(inwards, -normals, normals) * (1 - _ROUND) + out * _ROUND
    length = np.linalg.norm(normals, axis=1, keepdims=True) + 1e-6
    return (normals / length).astype(np.float32)


def casting(cards: Cards, first: int) -> np.ndarray:
    """Triangles that cast shadows, both ways round, int32 [N, 3].

    Args:
        cards: The sheets.
        first: Number of the sheets' first point.
    """
    triangles = cards.triangles[cards.casts[cards.layers]] + np.int32(first)
    return np.concatenate([triangles, triangles[:, ::-1]])


def draw_cards(cards, points, light, picture, covered, depth):
    """Draws sheets over a picture in place.

    Args:
        cards: The sheets.
        points: Pixel x, pixel y and depth of their corners, float32 [N, 3].
        light: As from `light_corners`, float32 [N, 6].
        picture: Linear RGB, float32 [S, S, 3], black where nothing is.
        covered: Share of each pixel that something covers, float32 [S, S].
        depth: The nearest depth in each pixel, float32 [S, S].
    """
    order = np.argsort(-points[cards.triangles, 2].sum(axis=1), kind="stable")
    _draw(order, points, cards.triangles, cards.places, cards.layers, cards.pictures,
          cards.sizes, cards.colours, cards.opacities, cards.depths, light, picture,
          covered, depth)  # fmt: skip


@compiled
def light_corners(normals, lit, gloss, lights, ambient, wrap):
    """Light that a white surface would send, and highlights.

    Args:
        normals: Unit normals, float32 [N, 3].
        lit: Share of the first light that arrives, float32 [N].
        gloss: Strength of highlights, float32 [N].
        lights: As for `shade`.
        ambient: As for `shade`.
        wrap: As for `shade`.

    Returns:
        Linear RGB of both, float32 [N, 6].
    """
    light = np.zeros((normals.shape[0], 6), np.float32)
    one, least = np.float32(1.0), np.float32(0.02)
    for i in range(normals.shape[0]):
        x, y, z = normals[i, 0], normals[i, 1], normals[i, 2]
        slope = ambient[3] * x + ambient[4] * y + ambient[5] * z
        for c in range(3):
            light[i, c] = max(least, ambient[c] + slope)
        for k in range(lights.shape[0]):
            a, b, d = lights[k, 0], lights[k, 1], lights[k, 2]
            share = lit[i] if k == 0 else one
            facing = x * a + y * b + z * d
            reach = (facing + wrap) / (one + wrap)
            if reach <= 0:
                continue
            scale = one / (np.sqrt(a * a + b * b + (d + 1) * (d + 1)) + least)
            mirror = max(np.float32(0.0), (x * a + y * b + z * (d + 1)) * scale)
            shine = gloss[i] * share * mirror**_SHARPNESS
            for c in range(3):
                light[i, c] += lights[k, 3 + c] * reach * share
                light[i, 3 + c] += lights[k, 3 + c] * shine
    return light


@compiled
def _draw(
    order, points, triangles, places, layers, stack, sizes, colours, opacities,
    depths, light, picture, covered, depth,
):  # fmt: skip
    size = picture.shape[0]
    one, half, clear = np.float32(1.0), np.float32(0.5), np.float32(0.03)
    through = np.ones((size, size), np.float32)
    hair = np.zeros((size, size, 3), np.float32)
    nearest = depth.copy()
    for index in range(order.shape[0]):
        t = order[index]
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        layer = layers[t]
        side = sizes[layer]
        x0, y0 = points[a, 0], points[a, 1]
        x1, y1 = points[b, 0], points[b, 1]
        x2, y2 = points[c, 0], points[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < np.float32(1e-6):
            continue
        inverse = one / area
        left = max(0, int(np.ceil(min(x0, x1, x2))))
        right = min(size - 1, int(np.floor(max(x0, x1, x2))))
        top = max(0, int(np.ceil(min(y0, y1, y2))))
        bottom = min(size - 1, int(np.floor(max(y0, y1, y2))))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                if through[y, x] < clear:
                    continue
                w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) * inverse
                w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) * inverse
                w2 = one - w0 - w1
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                z = w0 * points[a, 2] + w1 * points[b, 2] + w2 * points[c, 2]
                if z + depths[layer] < depth[y, x]:
                    continue
                u = w0 * places[t, 0, 0] + w1 * places[t, 1, 0] + w2 * places[t, 2, 0]
                v = w0 * places[t, 0, 1] + w1 * places[t, 1, 1] + w2 * places[t, 2, 1]
                u, v = u * side - half, v * side - half
                xa, ya = int(np.floor(u)), int(np.floor(v))
                fx, fy = u - xa, v - ya
                xb, yb = min(side - 1, max(0, xa + 1)), min(side - 1, max(0, ya + 1))
                xa, ya = min(side - 1, max(0, xa)), min(side - 1, max(0, ya))
                opaque = (
                    (stack[layer, ya, xa, 1] * (one - fx)
                     + stack[layer, ya, xb, 1] * fx) * (one - fy)
                    + (stack[layer, yb, xa, 1] * (one - fx)
                       + stack[layer, yb, xb, 1] * fx) * fy
                ) / np.float32(255.0)  # fmt: skip
                opaque = min(one, opaque * opacities[layer])
                if opaque < np.float32(0.02):
                    continue
                bright = (
                    (stack[layer, ya, xa, 0] * (one - fx)
                     + stack[layer, ya, xb, 0] * fx) * (one - fy)
                    + (stack[layer, yb, xa, 0] * (one - fx)
                       + stack[layer, yb, xb, 0] * fx) * fy
                ) / np.float32(64.0)  # fmt: skip
                share = opaque * through[y, x]
                for k in range(3):
                    reflected = (
                        w0 * light[a, k] + w1 * light[b, k] + w2 * light[c, k]
                    ) * colours[layer, k]
                    shine = (
                        w0 * light[a, 3 + k]
                        + w1 * light[b, 3 + k]
                        + w2 * light[c, 3 + k]
                    )
                    hair[y, x, k] += share * bright * (reflected + shine)
                through[y, x] *= one - opaque
                if opaque > half:
                    nearest[y, x] = max(nearest[y, x], z)
    for y in range(size):
        for x in range(size):
            if through[y, x] < one:
                for k in range(3):
                    picture[y, x, k] = hair[y, x, k] + through[y, x] * picture[y, x, k]
                covered[y, x] = one - through[y, x] * (one - covered[y, x])
                depth[y, x] = nearest[y, x]


@compiled
def develop_covered(picture, covered, behind, gain, display):
    """As `develop`, where something may cover only a share of a pixel.

    Args:
        picture: Linear RGB times that share, float32 [S, S, 3].
        covered: The share, float32 [S, S].
        behind: Display values behind it, float32 [S, S, 3].
        gain: Factor on linear light.
        display: Display values of linear light from 0 to 1.6, at equal steps.

    Returns:
        Display values, float32 [S, S, 3].
    """
    size = picture.shape[0]
    developed = np.empty_like(picture)
    last = display.shape[0] - 1
    steps = np.float32(last / 1.6)
    one, knee = np.float32(1.0), np.float32(0.6)
    for y in range(size):
        for x in range(size):
            share = covered[y, x]
            for k in range(3):
                developed[y, x, k] = behind[y, x, k] * (one - share)
                if share > 0:
                    light = picture[y, x, k] / share * gain
                    if light > knee:
                        light /= one + light - knee
                    value = display[min(int(light * steps), last)]
                    developed[y, x, k] += share * value
    return developed
