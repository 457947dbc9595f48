"""The people of the MakeHuman project, whose data users fetch or clone themselves.

MakeHuman's data (http://www.makehumancommunity.org) are in the public domain by CC0
1.0; nothing of them is part of this project.
"""

from byel_tf.synthesis.heads.makehuman.loading import NAME, makehuman_head

__all__ = ["NAME", "makehuman_head"]
