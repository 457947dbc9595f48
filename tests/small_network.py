"""A ResNet of two blocks, for whole runs: tracing its graphs is what takes their time.

More blocks have nothing more to show but where networks themselves are tested.
"""

import contextlib

NAME = "resnet6"

#: Adds it to the networks that there are. For processes of their own: they run each
#: graph a few times, and optimizing one takes longer than that.
CODE = f"""
import dataclasses
import tensorflow as tf
from byel_tf.models.resnet import DEPTHS
DEPTHS["{NAME}"] = dataclasses.replace(DEPTHS["resnet18"], blocks=(1, 1))
tf.config.optimizer.set_experimental_options({{"disable_meta_optimizer": True}})
"""


@contextlib.contextmanager
def there():
    """It is there in this process, for a while: messages name all networks."""
    from byel_tf.models.resnet import DEPTHS

    exec(CODE, {})
    try:
        yield
    finally:
        del DEPTHS[NAME]
