import base64
import html.parser
import re

import pytest

from byel_tf.evaluation.report.html import to_html


def test_pictures_are_inside():
    pictures = {"figures/a b.png": b"\x89PNG1", "figures/c.jpg": b"\xff\xd8"}
    text = '![one](figures/a%20b.png)\n![two](figures/c.jpg "first\nsecond \\"x\\"")'
    page = to_html(text, pictures, "a & b")
    for kind, content in (("png", b"\x89PNG1"), ("jpeg", b"\xff\xd8")):
        inside = base64.b64encode(content).decode()
        assert f'src="data:image/{kind};base64,{inside}"' in page
    assert '<div class="pictures"><img' in page
    caption = "first\nsecond &quot;x&quot;"
    assert f'alt="two"><figcaption>{caption}</figcaption></figure>' in page
    assert "<title>a &amp; b</title>" in page


def test_nothing_is_fetched():
    page = to_html("# a\n\n| a | b |\n|---|---:|\n| 1 | 2 |\n", {}, "t")
    assert not re.search(r"(src|href|url|@import)\s*[=(]", page)
    assert '<div class="table"><table>' in page
    assert 'name="viewport" content="width=device-width' in page


def test_markup_in_names_is_shown():
    page = to_html("a <script>alert(1)</script> b", {}, "<script>")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_page_is_well_formed():
    class Balance(html.parser.HTMLParser):
        void = {"meta", "img"}

        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag not in self.void:
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    text = "# a\n\n![x](x.png)\n![y](x.png)\n\ntext ![z](x.png)\n\n- b\n\n```\nc\n```\n"
    page = to_html(text + "\n| a |\n|---|\n| 1 |\n", {"x.png": b""}, "t")
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert page.count('class="pictures"') == 1  # not where there is text besides


def test_missing_picture():
    with pytest.raises(KeyError):
        to_html("![x](x.png)", {}, "t")
