import dataclasses
import re

from byel_tf.evaluation.domain_gap import DomainGap
from byel_tf.evaluation.report.details import detail_lines


def test_sections(evaluation):
    lines = detail_lines(evaluation)
    text = "\n".join(lines)
    expected = (
        r"| other\|model | 0.0000 | +1.0000 | 1.0000 to 1.0000 | 5 | 0 | 0.0625 |"
    )
    assert expected in lines
    assert "| linear probe | 0.5000 | 0.6250 |" in lines
    assert "| k-NN (cosine) | 0.2500 | 0.7500 |" in lines
    assert "5 images, 7 synthetic ones." in text
    assert "accuracy 0.8750 (0.5: not at all)" in text
    assert "Fréchet distance of the representations 12.50." in text
    assert r"| x\|y | 0.1000 | 2.0000 |" in lines
    assert "| z |  |  |" in lines
    rows = [line for line in lines if line.startswith("|")]
    cells = [len(re.split(r"(?<!\\)\|", row)) for row in rows]
    assert cells == [9] * 3 + [5] * 4 + [5] * 4


def test_a_gap_of_too_few_images(evaluation):
    gap = DomainGap(1, 7, None, None, {})
    evaluation = dataclasses.replace(evaluation, domain_gap=gap)
    assert "accuracy unknown (0.5" in "\n".join(detail_lines(evaluation))


def test_nothing_more_to_say(bare):
    assert detail_lines(bare) == []
