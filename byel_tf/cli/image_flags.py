"""Flags of how images are read, the same for training and for prediction."""

import dataclasses

from byel_tf.data.image_files import ImageLimits
from byel_tf.data.preparation.convert import NO_FACE_CHOICES
from byel_tf.faces.crop import MIN_MARGIN
from byel_tf.flagging import option


@dataclasses.dataclass(frozen=True)
class ImageFlags:
    """Images."""

    crop: str = option(
        "none",
        "face: crop every image to its largest face, as rendered faces are cropped.",
        choices=("none", "face"),
    )
    crop_margin: float = option(
        1.0,
        "Side of the crop, as a multiple of that of rendered faces.",
        lower=MIN_MARGIN,
        upper=4,
    )
    no_face: str = option(
        "keep",
        "Images without a face found: keep them whole, list them in no_face.csv "
        "besides, or reject them.",
        choices=NO_FACE_CHOICES,
    )
    max_bytes: int = option(
        ImageLimits.max_bytes, "Larger files are rejected.", lower=1
    )
    max_pixels: int = option(
        ImageLimits.max_pixels,
        "Pictures of more pixels are rejected before they are decoded.",
        lower=1,
    )
    max_side: int = option(
        ImageLimits.max_side,
        "Pictures with a longer side are scaled down to it; 0: none.",
        lower=0,
    )

    def limits(self) -> ImageLimits:
        """Which images are taken."""
        return ImageLimits(self.max_bytes, self.max_pixels, self.max_side)
