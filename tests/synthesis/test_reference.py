import pathlib

import pytest

from byel_tf.synthesis.doc_tables import action_unit_table, expression_table

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "faces.md"


@pytest.mark.parametrize("name", ["action units", "expressions"])
def test_documented_tables_are_what_is_drawn(name, synthetic):
    text = DOCS.read_text(encoding="utf-8")
    written = text.split(f"<!-- {name} -->")[1].split(f"<!-- {name} end -->")[0]
    tables = {
        "action units": action_unit_table(),
        "expressions": expression_table(synthetic),
    }
    assert written.strip() == tables[name]


def test_pictures_exist():
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        for part in line.split("](")[1:]:
            target = part.split(")")[0]
            if target.startswith("images/"):
                assert (DOCS.parent / target).is_file(), target
