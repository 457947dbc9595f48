"""Which triangle each pixel shows, and how much light comes from it; compiled."""

import numpy as np

from byel_tf.synthesis.compiled import compiled

_FAR = np.float32(-1e9)
_INSIDE = np.float32(-1e-4)


@compiled
def _bounds(low, high, size):
    """First and last pixel whose centre lies in [low, high]."""
    return max(0, int(np.ceil(low))), min(size - 1, int(np.floor(high)))


@compiled
def rasterize(points, triangles, is_lash, lash_density, seed, size):
    """Draws triangles into a z-buffer.

    Args:
        points: Pixel x (right), pixel y (down) and depth (larger is nearer) of each
            vertex, float32 [V, 3]; pixel centres are whole numbers.
        triangles: Vertices counter-clockwise in a frame with y up, int32 [T, 3].
        is_lash: Triangles seen from both sides and only in some pixels, bool [T].
        lash_density: Share of the pixels in which lashes are drawn, 0 to 1.
        seed: Decides in which, int.
        size: Side S of the picture in pixels.

    Returns:
        Depth, float32 [S, S]; triangle, int32 [S, S], -1 for none; weights of its
        first two vertices, float32 [S, S, 2].
    """
    depth = np.full((size, size), _FAR, np.float32)
    shown = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0 = points[a, 0], points[a, 1]
        x1, y1 = points[b, 0], points[b, 1]
        x2, y2 = points[c, 0], points[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        lash = is_lash[t]
        if lash:
            if abs(area) < np.float32(1e-9):
                continue
        elif area > np.float32(-1e-9):
            continue
        left, right = _bounds(min(x0, x1, x2), max(x0, x1, x2), size)
        top, bottom = _bounds(min(y0, y1, y2), max(y0, y1, y2), size)
        if left > right or top > bottom:
            continue
        z0, z1, z2 = points[a, 2], points[b, 2], points[c, 2]
        inverse = np.float32(1.0) / area
        step0, step1 = (y1 - y2) * inverse, (y2 - y0) * inverse
        across = np.float32(left)
        for y in range(top, bottom + 1):
            down = np.float32(y)
            start0 = (x1 - across) * (y2 - down) - (x2 - across) * (y1 - down)
            start1 = (x2 - across) * (y0 - down) - (x0 - across) * (y2 - down)
            start0, start1 = start0 * inverse, start1 * inverse
            for x in range(left, right + 1):
                along = np.float32(x - left)
                w0, w1 = start0 + along * step0, start1 + along * step1
                w2 = np.float32(1.0) - w0 - w1
                if w0 < _INSIDE or w1 < _INSIDE or w2 < _INSIDE:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z <= depth[y, x]:
                    continue
                if lash:
                    mixed = (x * 73856093) ^ (y * 19349663) ^ seed
                    mixed = (mixed * 2654435761) & 0xFFFFFFFF
                    if (mixed >> 8) > lash_density * 16777216.0:
                        continue
                depth[y, x] = z
                shown[y, x] = t
                weights[y, x, 0] = w0
                weights[y, x, 1] = w1
    return depth, shown, weights


@compiled
def shade(
    shown, weights, triangles, normals, albedo, gloss, sharpness, openness, lit,
    lights, ambient, wrap,
):  # fmt: skip
    """The light that each pixel's surface sends to the camera.

    Lambert's law with light that wraps round the edge of shadows, redder there as in
    skin, and a Blinn-Phong highlight; the camera looks along -z.

    Args:
        shown: As from `rasterize`, [S, S].
        weights: As from `rasterize`.
        triangles: int32 [T, 3].
        normals: Unit normals after the head's turn, float32 [V, 3].
        albedo: Linear RGB reflectance, float32 [V, 3].
        gloss: Strength of the highlight, float32 [V].
        sharpness: Exponent of the highlight, float32 [V].
        openness: Share of ambient light that arrives, float32 [V].
        lit: Share of the first light that arrives, float32 [V].
        lights: Direction to the light (unit) and linear RGB strength, float32 [L, 6].
        ambient: Linear RGB at mid-height, and its change with the normal's x, y and
            z, float32 [6].
        wrap: How far light reaches round, 0 to 1.

    Returns:
        Linear RGB float32 [S, S, 3], 0 where nothing is shown; luminances of the
        light there before reflection are of the order of 1.
    """
    size = shown.shape[0]
    picture = np.zeros((size, size, 3), np.float32)
    one = np.float32(1.0)
    zero = np.float32(0.0)
    count = lights.shape[0]
    # The half vectors between the lights and the camera, which looks along -z.
    halves = np.empty((count, 3), np.float32)
    for i in range(count):
        x, y, z = lights[i, 0], lights[i, 1], lights[i, 2] + one
        scale = one / (np.sqrt(x * x + y * y + z * z) + np.float32(1e-6))
        halves[i, 0], halves[i, 1], halves[i, 2] = x * scale, y * scale, z * scale
    wrapped = (wrap + np.float32(0.12), wrap, wrap)
    for row in range(size):
        for column in range(size):
            t = shown[row, column]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            w0, w1 = weights[row, column, 0], weights[row, column, 1]
            w2 = one - w0 - w1
            x = w0 * normals[a, 0] + w1 * normals[b, 0] + w2 * normals[c, 0]
            y = w0 * normals[a, 1] + w1 * normals[b, 1] + w2 * normals[c, 1]
            z = w0 * normals[a, 2] + w1 * normals[b, 2] + w2 * normals[c, 2]
            scale = one / (np.sqrt(x * x + y * y + z * z) + np.float32(1e-9))
            x, y, z = x * scale, y * scale, z * scale
            open_here = w0 * openness[a] + w1 * openness[b] + w2 * openness[c]
            gloss_here = w0 * gloss[a] + w1 * gloss[b] + w2 * gloss[c]
            lit_here = w0 * lit[a] + w1 * lit[b] + w2 * lit[c]
            exponent = w0 * sharpness[a] + w1 * sharpness[b] + w2 * sharpness[c]
            slope = ambient[3] * x + ambient[4] * y + ambient[5] * z
            red = max(np.float32(0.02), ambient[0] + slope) * open_here
            green = max(np.float32(0.02), ambient[1] + slope) * open_here
            blue = max(np.float32(0.02), ambient[2] + slope) * open_here
            shine_red, shine_green, shine_blue = zero, zero, zero
            contact = np.float32(0.35) + np.float32(0.65) * open_here
            for i in range(count):
                facing = x * lights[i, 0] + y * lights[i, 1] + z * lights[i, 2]
                share = contact * (lit_here if i == 0 else one)
                reach = (facing + wrapped[0]) / (one + wrapped[0])
                if reach > zero:
                    red += lights[i, 3] * reach * share
                reach = (facing + wrapped[1]) / (one + wrapped[1])
                if reach > zero:
                    green += lights[i, 4] * reach * share
                    blue += lights[i, 5] * reach * share
                if facing > zero and gloss_here > np.float32(0.002):
                    mirror = x * halves[i, 0] + y * halves[i, 1] + z * halves[i, 2]
                    if mirror > np.float32(0.5):
                        strength = gloss_here * open_here * mirror**exponent
                        if i == 0:
                            strength *= lit_here
                        shine_red += lights[i, 3] * strength
                        shine_green += lights[i, 4] * strength
                        shine_blue += lights[i, 5] * strength
            picture[row, column, 0] = shine_red + red * (
                w0 * albedo[a, 0] + w1 * albedo[b, 0] + w2 * albedo[c, 0]
            )
            picture[row, column, 1] = shine_green + green * (
                w0 * albedo[a, 1] + w1 * albedo[b, 1] + w2 * albedo[c, 1]
            )
            picture[row, column, 2] = shine_blue + blue * (
                w0 * albedo[a, 2] + w1 * albedo[b, 2] + w2 * albedo[c, 2]
            )
    return picture


@compiled
def develop(picture, covered, behind, gain, display):
    """Exposes a picture, rolls its highlights off and puts it before a background.

    Args:
        picture: Linear RGB, float32 [S, S, 3].
        covered: Where it shows something, bool [S, S].
        behind: Display values elsewhere, float32 [S, S, 3].
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
            for channel in range(3):
                if covered[y, x]:
                    light = picture[y, x, channel] * gain
                    if light > knee:
                        light /= one + light - knee
                    developed[y, x, channel] = display[min(int(light * steps), last)]
                else:
                    developed[y, x, channel] = behind[y, x, channel]
    return developed


@compiled
def depth_map(points, triangles, size):
    """The nearest depth in each pixel, float32 [S, S]; `points` as in `rasterize`."""
    depth = np.full((size, size), _FAR, np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0 = points[a, 0], points[a, 1]
        x1, y1 = points[b, 0], points[b, 1]
        x2, y2 = points[c, 0], points[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area > np.float32(-1e-9):
            continue
        left, right = _bounds(min(x0, x1, x2), max(x0, x1, x2), size)
        top, bottom = _bounds(min(y0, y1, y2), max(y0, y1, y2), size)
        inverse = np.float32(1.0) / area
        step0, step1 = (y1 - y2) * inverse, (y2 - y0) * inverse
        across = np.float32(left)
        for y in range(top, bottom + 1):
            down = np.float32(y)
            start0 = (x1 - across) * (y2 - down) - (x2 - across) * (y1 - down)
            start1 = (x2 - across) * (y0 - down) - (x0 - across) * (y2 - down)
            start0, start1 = start0 * inverse, start1 * inverse
            for x in range(left, right + 1):
                along = np.float32(x - left)
                w0, w1 = start0 + along * step0, start1 + along * step1
                w2 = np.float32(1.0) - w0 - w1
                if w0 < _INSIDE or w1 < _INSIDE or w2 < _INSIDE:
                    continue
                z = w0 * points[a, 2] + w1 * points[b, 2] + w2 * points[c, 2]
                depth[y, x] = max(depth[y, x], z)
    return depth


@compiled
def light_reaching(points, depth, bias):
    """Share of a light that reaches each vertex past the others, float32 [V].

    Args:
        points: Vertices as the light sees them, float32 [V, 3], as in `rasterize`.
        depth: As from `depth_map` of the same points.
        bias: Depth by which a surface may lie behind the nearest one and be lit.
    """
    size = depth.shape[0]
    share = np.ones(points.shape[0], np.float32)
    for i in range(points.shape[0]):
        x, y = int(points[i, 0] + 0.5), int(points[i, 1] + 0.5)
        seen, hidden = 0, 0
        for v in range(max(0, y - 1), min(size, y + 2)):
            for u in range(max(0, x - 1), min(size, x + 2)):
                seen += 1
                if depth[v, u] > points[i, 2] + bias:
                    hidden += 1
        if seen > 0:
            share[i] = np.float32(1.0) - np.float32(hidden) / np.float32(seen)
    return share
