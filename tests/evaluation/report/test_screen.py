import dataclasses

from byel_tf.evaluation.domain_gap import DomainGap
from byel_tf.evaluation.report.screen import screen_table


def test_screen(evaluation, bare):
    header, *rows = screen_table({"a": evaluation, "longer name": bare}).splitlines()
    assert header.index("images") + len("images") == rows[0].index(" 5 ") + 2
    assert rows[0].startswith("a            ")
    assert rows[1].startswith("longer name  ")
    ends = {row.index("0.0000 to") if "0.0000 to" in row else None for row in rows[:2]}
    assert len(ends) == 1
    assert rows[2].startswith("a: with the fitted temperature 0.500 log loss 0.01")
    assert "a: macro F1 +1.0000 beside other|model (1.0000 to 1.0000), " in rows[3]
    assert rows[4] == "a: macro F1 of the linear probe 0.5000, of k-NN 0.2500"
    assert rows[5].endswith("accuracy 0.8750, Fréchet distance 12.50")
    assert rows[6].startswith("longer name: with the fitted temperature 0.500")


def test_a_gap_of_too_few_images(evaluation):
    gap = DomainGap(1, 7, None, None, {})
    evaluation = dataclasses.replace(evaluation, domain_gap=gap)
    assert "told from" not in screen_table({"set": evaluation})


def test_nothing_more_to_say(bare):
    assert len(screen_table({"set": bare}).splitlines()) == 3
