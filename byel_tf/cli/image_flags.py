"""Flags of how images are read, for training and for prediction."""

import dataclasses

from byel_tf.data.image_files import ImageLimits
from byel_tf.data.preparation.convert import NO_FACE_CHOICES, Conversion
from byel_tf.detection.names import DETECTORS
from byel_tf.errors import UsageError
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
    detector: str = option(
        "mtcnn",
        "What finds faces for --crop=face: mtcnn, of whose weights their author says "
        "that they should not be used commercially; own, learned from drawn faces; "
        "haar, OpenCV's.",
        choices=DETECTORS,
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


@dataclasses.dataclass(frozen=True)
class PrepareImageFlags(ImageFlags):
    """Images."""

    crop: str = option(
        "auto",
        "box: crop every image to the box that the source gives of its face, as a "
        "square; auto: that where the source gives boxes, else none; face: to the face "
        "found in the box, or the largest where there is no box, as rendered faces are "
        "cropped; none: whole images.",
        choices=("auto", "none", "box", "face"),
    )
    crop_margin: float = option(
        1.0,
        "Side of the crop, as a multiple of that of rendered faces; with boxes, of the "
        "box's longer side.",
        lower=MIN_MARGIN,
        upper=4,
    )
    keep_metadata: bool = option(
        False,
        "Keep what JPEG and PNG files say besides the picture (EXIF data with place "
        "and camera, texts, thumbnails) in the records; else it is left out, and the "
        "pixels stay as they are.",
    )

    def conversion(self, classes: tuple[str, ...], gives_boxes: bool) -> Conversion:
        """How images become records.

        Args:
          classes: Class names in label order.
          gives_boxes: Whether the source gives boxes of faces.

        Raises:
          UsageError: If boxes are wanted and there are none.
        """
        if self.crop == "box" and not gives_boxes:
            raise UsageError(
                "--crop=box: this source gives no boxes of its faces: give --crop=face "
                "to find them, or --crop=none"
            )
        return Conversion(
            classes,
            self.limits(),
            self.crop == "face",
            self.crop_margin,
            self.no_face,
            gives_boxes and self.crop in ("auto", "box"),
            self.keep_metadata,
            self.detector,
        )

    def use_of_boxes(self, gives_boxes: bool) -> str:
        """What becomes of a source's boxes, to be put behind its description."""
        if not gives_boxes:
            return ""
        return {
            "none": "; the boxes of its faces are not used (--crop=none)",
            "face": "; cropped to the faces found in its boxes (--crop=face)",
        }.get(self.crop, "; cropped to its boxes (--crop=none keeps images whole)")
