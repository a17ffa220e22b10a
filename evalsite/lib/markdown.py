"""Markdown from models and people, made safe once, when it is stored."""

from __future__ import annotations

import html
from functools import cache

import latex2mathml.converter
import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

#: A lexer can take minutes on hostile input, so long code is shown plain.
MAX_HIGHLIGHTED_CHARS = 20_000
MAX_MATH_CHARS = 2_000
#: Brackets and dollars by the hundred thousand take the parser minutes, and unpack to many times
#: their size; nobody formats a text that long.
MAX_MARKDOWN_CHARS = 100_000

_MATHML_TAGS = {
    "math", "mrow", "mi", "mo", "mn", "msup", "msub", "msubsup", "mfrac", "msqrt", "mroot",
    "mtext", "mspace", "mover", "munder", "munderover", "mtable", "mtr", "mtd", "mstyle",
    "mpadded", "mphantom", "menclose", "mmultiscripts", "mprescripts", "semantics",
}  # fmt: skip
_TEXT_TAGS = {
    "p", "br", "hr", "em", "strong", "s", "del", "code", "pre", "blockquote", "ul", "ol", "li",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "div", "span",
}  # fmt: skip
#: No `style`, no `id`, no links, no images: a remote image would tell a model's maker who reads.
_ATTRIBUTES = {
    "ol": {"start"},
    "span": {"class"},
    "div": {"class"},
    "code": {"class"},
    "pre": {"class"},
    "math": {"display"},
    "mo": {"stretchy", "fence", "separator"},
    "mtd": {"columnalign"},
    "mi": {"mathvariant"},
    "mspace": {"width"},
}


def render_markdown(text: str) -> str:
    """Return `text` as sanitised HTML: Markdown, code colours as classes, maths as MathML.

    Raw HTML is shown as text. Links keep their words and lose their address; images keep
    their description. A very long text is shown as it is. The result is safe under a
    Content-Security-Policy without inline code.
    """
    if len(text) > MAX_MARKDOWN_CHARS:
        return f'<pre tabindex="0">{html.escape(text, quote=False)}</pre>'
    rendered: str = _parser().render(text)
    return nh3.clean(
        rendered,
        tags=_TEXT_TAGS | _MATHML_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        # What may scroll sideways must be reachable by keyboard.
        set_tag_attribute_values={"pre": {"tabindex": "0"}, "table": {"tabindex": "0"}},
        link_rel=None,
    )


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "highlight": _highlight})
    parser.enable(["table", "strikethrough"])
    parser.use(
        dollarmath_plugin,
        renderer=_math,
        allow_labels=False,
        # "between $5 and $6" is money.
        allow_space=False,
        allow_digits=False,
        double_inline=True,
    )
    parser.add_render_rule("image", _image_as_text)
    parser.core.ruler.push("demote_headings", _demote_headings)
    return parser


def _demote_headings(state: StateCore) -> None:
    """Make `#` an h3, and leave no level out: above it stand the headings of the page."""
    level = 2
    for token in state.tokens:
        if token.type == "heading_open":
            level = min(6, level + 1, int(token.tag[1]) + 2)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{level}"


def _image_as_text(self: object, tokens: list, index: int, *_: object) -> str:  # type: ignore[type-arg]
    return html.escape(tokens[index].content or "")


def _highlight(code: str, language: str, _attributes: str) -> str:
    if not language or len(code) > MAX_HIGHLIGHTED_CHARS:
        return ""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    coloured: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return coloured


def _math(source: str, options: dict[str, bool]) -> str:
    display = "block" if options.get("display_mode") else "inline"
    try:
        if len(source) > MAX_MATH_CHARS:
            raise ValueError("too long to typeset")
        mathml: str = latex2mathml.converter.convert(source, display=display)
        return mathml
    except Exception:  # the converter raises many kinds on text that only looks like maths
        return f"<code>{html.escape(source)}</code>"
