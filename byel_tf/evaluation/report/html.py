"""The report as one HTML file that needs nothing else."""

import base64
import html
import importlib.resources
import mimetypes
import urllib.parse
from collections.abc import Mapping

from markdown_it import MarkdownIt
from markdown_it.token import Token


def to_html(markdown: str, pictures: Mapping[str, bytes], title: str) -> str:
    """Turns Markdown into a page with its pictures and style inside.

    Pictures with a title become figures with it as their caption.

    Args:
      markdown: The text. HTML in it is shown, not interpreted.
      pictures: Files by the path under which the text shows them.
      title: Title of the page.

    Raises:
      KeyError: If the text shows a picture that is not there.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    # A paragraph is three tokens: its beginning, its content, its end.
    for begin, content, end in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if begin.type == "paragraph_open" and _shows_pictures_only(content):
            begin.tag = end.tag = "div"
            begin.attrSet("class", "pictures")
    rules = {
        "image": lambda tokens, index, *_: _image(tokens[index], pictures),
        "table_open": lambda *_: '<div class="table"><table>\n',
        "table_close": lambda *_: "</table></div>\n",
    }
    parser.renderer.rules |= rules
    body = parser.renderer.render(tokens, parser.options, {})
    style = importlib.resources.files(__package__).joinpath("style.css").read_text()
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )


def _shows_pictures_only(token: Token) -> bool:
    kinds = {child.type for child in token.children or ()}
    return "image" in kinds and kinds <= {"image", "softbreak"}


def _image(token: Token, pictures: Mapping[str, bytes]) -> str:
    source = urllib.parse.unquote(token.attrs["src"])
    kind, _ = mimetypes.guess_type(source)
    content = base64.b64encode(pictures[source]).decode()
    text = html.escape(token.content)
    image = f'<img src="data:{kind};base64,{content}" alt="{text}">'
    caption = token.attrs.get("title")
    if caption is None:
        return image
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"
