import pytest

from byel_tf.data.labels import DEFAULT_CLASSES, ClassNames
from byel_tf.data.sources.votes import VoteRow, VoteRule
from byel_tf.errors import RunError, UsageError

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,"
    "unknown,NF\n"
)
# The first rows are those of FERPlus.
ROWS = [
    "Training,fer0000006.png,2,0,0,8,0,0,0,0,0,0",
    "Training,fer0000001.png,6,0,1,1,0,0,0,0,2,0",
    "Training,,0,0,0,0,0,0,0,0,0,10",
    "PublicTest,fer0000326.png,0,5,5,0,0,0,0,0,0,0",
    "PublicTest,fer0000003.png,4,0,0,4,1,0,0,0,1,0",
    "PrivateTest,fer0032484.png,0,1,0,4,0,0,0,0,5,0",
]
VOTES = HEADER + "\n".join(ROWS) + "\n"
FER = "emotion,pixels,Usage\n" + "".join(
    f"4,{n},{row.split(',')[0]}\n" for n, row in enumerate(ROWS)
)


def decide(counts, vote_labels="majority", labels=DEFAULT_CLASSES, image="a.png"):
    """`counts` in the order of the table's columns."""
    labels = labels if isinstance(labels, ClassNames) else ClassNames(labels)
    row = VoteRow(2, "Training", image, tuple(map(float, counts)))
    return VoteRule(labels, vote_labels).decide(row)


@pytest.mark.parametrize("vote_labels", ["majority", "soft"])
@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ((6, 0, 1, 1, 0, 0, 0, 0, 2, 0), "unknown class 'neutral'"),
        ((0, 1, 0, 4, 0, 0, 0, 0, 5, 0), "unknown expression, by its votes"),
        ((0, 1, 0, 4, 0, 0, 0, 0, 0, 5), "no face, by its votes"),
        ((4, 0, 0, 4, 1, 0, 0, 0, 1, 0), "votes tie"),
        ((0, 0, 0, 5, 0, 0, 0, 0, 5, 0), "votes tie"),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0, 0), "no votes"),
    ],
)
def test_votes_without_a_label(counts, reason, vote_labels):
    assert decide(counts, vote_labels) == reason


def test_majority():
    verdict = decide((2, 0, 0, 8, 0, 0, 0, 0, 0, 0))
    assert (verdict.label, verdict.votes) == (4, None)
    assert decide((0, 5, 5, 0, 0, 0, 0, 0, 0, 0)) == "votes tie"


def test_soft_keeps_ties_and_votes_in_label_order():
    verdict = decide((1, 0, 4, 0, 4, 0, 1, 0, 0, 0), "soft", ("anger", "surprise"))
    assert (verdict.label, verdict.votes) == (0, (4.0, 4.0))
    verdict = decide((1, 2, 0, 7, 0, 0, 0, 0, 0, 0), "soft")
    assert (verdict.label, verdict.votes) == (4, (0, 0, 0, 2, 7, 0))


def test_columns_of_one_class_are_counted_together():
    labels = ClassNames(DEFAULT_CLASSES, {"contempt": "disgust"})
    verdict = decide((4, 0, 0, 0, 0, 3, 0, 3, 0, 0), "soft", labels)
    assert (verdict.label, verdict.votes) == (1, (0, 6, 0, 0, 0, 0))


def test_class_that_the_table_lacks_has_no_votes():
    verdict = decide((0, 9, 0, 1, 0, 0, 0, 0, 0, 0), "soft", ("bored", "happy"))
    assert (verdict.label, verdict.votes) == (1, (0, 9))


def test_image_without_name_is_no_face():
    assert decide((0,) * 10, image="") == "no face, by its votes"


def test_joined_with_fer2013_row_by_row(write, opened, read):
    path, votes = write("fer2013.csv", FER), write("fer2013new.csv", VOTES)
    items, rejects = read(path, votes=str(votes))
    assert {n: (i.label, i.split, i.votes) for n, i in items.items()} == {
        "fer2013.csv row 00002": (4, "train", None)
    }
    assert rejects == {
        "fer2013.csv row 00003": "unknown class 'neutral'",
        "fer2013.csv row 00004": "no face, by its votes",
        "fer2013.csv row 00005": "votes tie",
        "fer2013.csv row 00006": "votes tie",
        "fer2013.csv row 00007": "unknown expression, by its votes",
    }
    items, rejects = read(path, votes=str(votes), vote_labels="soft")
    assert {n: (i.label, i.votes) for n, i in items.items()} == {
        "fer2013.csv row 00002": (4, (0, 0, 0, 0, 8, 0)),
        "fer2013.csv row 00005": (3, (0, 0, 0, 5, 0, 5)),
    }
    assert "votes of" in opened(path, votes=str(votes)).description


def test_row_of_too_few_fields_keeps_the_join(write, read):
    fer = "emotion,pixels,Usage\n4\n4,7,Training\n"
    votes = HEADER + ROWS[1] + "\n" + ROWS[0] + "\n"
    path = write("f.csv", fer)
    items, rejects = read(path, votes=str(write("v.csv", votes)))
    assert list(items) == ["f.csv row 00003"]
    assert rejects == {"f.csv row 00002": "row has too few fields"}


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        (VOTES + ROWS[0] + "\n", "has more rows than .* from row 8 on"),
        (HEADER + "\n".join(ROWS[:-1]), "ends before row 7 of"),
        (
            VOTES.replace("PublicTest", "Training", 1),
            "row 5 is 'PublicTest' and .*v.csv",
        ),
        (HEADER + ROWS[0].replace("8", "x"), "row 2: a number of votes is missing"),
        (HEADER + "Training,a.png,1\n", "row 2: a number of votes is missing"),
    ],
)
def test_tables_that_do_not_belong_together(write, read, votes, message):
    path, votes = write("f.csv", FER), write("v.csv", votes)
    with pytest.raises(RunError, match=message):
        read(path, votes=str(votes))


def test_votes_that_are_none(write, opened):
    path = write("f.csv", FER)
    with pytest.raises(RunError, match="lacks the columns contempt, nf"):
        votes = HEADER.replace(",contempt", "").replace(",NF", "")
        opened(path, votes=str(write("v.csv", votes)))
    with pytest.raises(RunError, match="cannot be read: No such file"):
        opened(path, votes="none.csv")
    with pytest.raises(RunError, match="no column 'Usage'.*use fer2013.csv"):
        train = write("train.csv", "emotion,pixels\n0,1\n")
        opened(train, votes=str(write("v.csv", VOTES)))


def test_header_in_other_case_and_order(write, read):
    columns = HEADER.strip().split(",")
    cells = ROWS[0].split(",")
    lines = [",".join(f" {c.upper()}" for c in columns[::-1]), ",".join(cells[::-1])]
    path = write("f.csv", "emotion,pixels,Usage\n4,1,Training\n")
    votes = write("v.csv", "\ufeff" + "\r\n".join(lines))
    assert [item.label for item in read(path, votes=str(votes))[0].values()] == [4]


def test_joined_with_images_by_name(write, touch, opened, read, tmp_path):
    write("label.csv", "")
    source = touch(
        "FER2013Train/fer0000006.png", "FER2013Valid/fer0000326.png", "a.png"
    )
    votes = tmp_path / "v.csv"
    votes.write_text(VOTES)
    assert opened(source, votes=str(votes)).gives_splits
    items, rejects = read(source, votes=str(votes), vote_labels="soft")
    assert {n: (i.label, i.split, i.votes[3]) for n, i in items.items()} == {
        "FER2013Train/fer0000006.png": (4, "train", 0),
        "FER2013Valid/fer0000326.png": (3, "validation", 5),
    }
    assert rejects == dict.fromkeys(
        ("a.png", "label.csv"), "not named in the table of votes"
    )
    assert list(read(source, votes=str(votes))[1].values()).count("votes tie") == 1


def test_table_of_votes_is_no_source(write, opened):
    with pytest.raises(UsageError, match="give it as --votes"):
        opened(write("fer2013new.csv", VOTES))
