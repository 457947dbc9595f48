"""The augmentation policies by name."""

import collections
import dataclasses
from collections.abc import Callable

import tensorflow as tf

from byel_tf.augment import byol, face_crops, reference, textures, weak
from byel_tf.augment.fixed import fixed
from byel_tf.augment.names import POLICY_NAMES

__all__ = ["POLICY_NAMES", "Augmentation", "Policy", "fixed", "policy"]

#: Images, uint8 [B, H, W, C] with static H, W and C of 1 or 3, and uniforms, float32
#: [B, num_uniforms] in [0, 1), to float32 [B, H, W, C] in [0, 1].
Augmentation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
#: The same of float32 images in [0, 1] and the policy's named draws.
View = Callable[[tf.Tensor, tuple], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Policy:
    """Two ways to look at a batch of images.

    Attributes:
        name: one of `POLICY_NAMES`.
        draws: named tuple of the uniforms of one view, float32 [B] in [0, 1) each.
        views: the first and the second view.
    """

    name: str
    draws: type[tuple]
    views: tuple[View, View]

    @property
    def num_uniforms(self) -> int:
        """Uniforms that one view of one record needs."""
        return len(self.draws._fields)

    @property
    def augmentations(self) -> tuple[Augmentation, Augmentation]:
        """Those of the first and of the second view.

        Each is a pure function, row by row, that runs eagerly, in graphs and under
        XLA, and raises ValueError for other shapes and dtypes than an `Augmentation`
        takes.
        """
        first, second = (self._complete(view) for view in self.views)
        return first, second

    def compiled(self) -> "Policy":
        """The same policy, its views compiled by XLA.

        A view is a hundred small operations, each of which reads and writes the whole
        batch; compiled, they are a few loops.
        """
        first, second = (
            tf.function(view, jit_compile=True, autograph=False) for view in self.views
        )
        return dataclasses.replace(self, views=(first, second))

    def weakened(self) -> "Policy":
        """The same policy with a weak first view, and its own first view as second."""
        return dataclasses.replace(self, views=(weak.view, self.views[0]))

    def _complete(self, view: View) -> Augmentation:
        def run(images: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
            images = fixed(images)
            uniforms = tf.convert_to_tensor(uniforms)
            _check(self.name, images, uniforms, self.num_uniforms)
            draws = self.draws(*tf.unstack(uniforms, axis=1))
            return view(images, draws)

        return run


def policy(
    name: str, random_convolution: float = 0.0, spectrum_jitter: float = 0.0
) -> Policy:
    """Looks a policy up.

    Args:
        name: one of `POLICY_NAMES`.
        random_convolution: probability of a random convolution before a view; of
            `faces` alone.
        spectrum_jitter: that of a jitter of the amplitude spectrum.

    Returns:
        The policy. With both probabilities 0 its uniforms are those that it has
        without the two.

    Raises:
        ValueError: if there is no policy of that name, or it has no such options.
    """
    if name not in _POLICIES:
        raise ValueError(
            "the augmentation policy must be one of "
            f"{', '.join(POLICY_NAMES)}. Received: name={name!r}"
        )
    if not random_convolution and not spectrum_jitter:
        return _POLICIES[name]
    if name != "faces":
        raise ValueError(
            "only the policy 'faces' has random convolutions and spectrum jitter. "
            f"Received: name={name!r}, random_convolution={random_convolution}, "
            f"spectrum_jitter={spectrum_jitter}"
        )
    return _textured_faces(random_convolution, spectrum_jitter)


def _textured_faces(convolution: float, jitter: float) -> Policy:
    def view(images: tf.Tensor, uniforms: tuple) -> tf.Tensor:
        images = textures.change_texture(images, uniforms, convolution, jitter)
        return face_crops.view(images, uniforms)

    # Those of the plain policy come first: a face is moved and re-toned as it is there.
    fields = face_crops.Draws._fields + textures.Draws._fields
    draws = collections.namedtuple("Draws", fields)
    return dataclasses.replace(_POLICIES["faces"], draws=draws, views=(view, view))


def _check(
    name: str, images: tf.Tensor, uniforms: tf.Tensor, num_uniforms: int
) -> None:
    if None in images.shape[1:3]:
        raise ValueError(
            "augmentation needs images of a static height and width; resize or "
            f"tf.ensure_shape them before. Received: images.shape={images.shape}"
        )
    if (
        uniforms.dtype != tf.float32
        or uniforms.shape.rank != 2
        or uniforms.shape[1] != num_uniforms
    ):
        raise ValueError(
            f"the policy {name!r} needs float32 uniforms of the shape "
            f"[batch, {num_uniforms}]. Received: uniforms.dtype="
            f"{uniforms.dtype.name}, uniforms.shape={uniforms.shape}"
        )


_POLICIES = {
    one.name: one
    for one in (
        Policy("reference", reference.Draws, (reference.view, reference.view)),
        Policy("byol", byol.Draws, (byol.first_view, byol.second_view)),
        Policy("faces", face_crops.Draws, (face_crops.view, face_crops.view)),
    )
}
