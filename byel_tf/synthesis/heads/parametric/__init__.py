"""A human head generated from proportions alone: no file, no download.

Its left half is built and mirrored: a skull (`skull`) with features (`features`),
covered with triangles (`triangulation`); eyes, mouth and teeth are put in (`eyes`,
`mouth`, `teeth`) and all of it joined (`assembly`). Movements (`expressions`) and
differences between people (`identities`) are sums of a few smooth displacements.
"""

from byel_tf.synthesis.heads.parametric.assembly import parametric_head

__all__ = ["parametric_head"]
