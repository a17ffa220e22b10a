"""Markdown from models is shown well, and nothing in it acts."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from evalsite.lib.markdown import render_markdown

HARMLESS = {"p", "pre", "code", "span", "div", "math", "mrow", "mi", "mo", "mn", "mtext"}


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "[click](javascript:alert(1))",
        "![](https://example.org/who-reads.png)",
        "[a](https://example.org) <a href='https://example.org'>b</a>",
        "<div style='position:fixed'>over everything</div>",
        "$\\href{javascript:alert(1)}{x}$",
        "```<script>\nalert(1)\n```",
        "```html\n<img src=x onerror=alert(1)>\n```",
        "<b id=main class=choices>",
        "$</math><script>alert(1)</script>$",
    ],
)
def test_nothing_acts(attack):
    """Parse the result as a browser does: no tag and no attribute in it loads or runs anything."""
    found = Tags()
    found.feed(render_markdown(attack))
    assert found.names <= HARMLESS
    assert found.attributes <= {"class", "tabindex", "display", "stretchy", "fence"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_code_is_coloured_by_classes_and_reached_by_keyboard():
    html = render_markdown("```python\nreturn 1\n```")
    assert '<span class="k">return</span>' in html
    assert '<pre tabindex="0">' in html


def test_maths_is_mathml_in_line_and_displayed():
    assert '<math display="inline">' in render_markdown("so $x^2$ is")
    assert '<math display="block">' in render_markdown("$$\\frac12$$")


def test_maths_that_is_none_is_shown_as_it_is():
    assert "<code>" in render_markdown("$\\begin{nonsense}$")
    assert "costs $5 and $6" in render_markdown("It costs $5 and $6.")


def test_headings_stand_below_those_of_the_page():
    html = render_markdown("# One\n\n## Two\n\n##### Five\n\n# Six")
    headings = ["<h3>One</h3>", "<h4>Two</h4>", "<h5>Five</h5>", "<h3>Six</h3>"]
    assert html.split() == "\n".join(headings).split()
    assert render_markdown("#### Only") == "<h3>Only</h3>\n"


@pytest.mark.parametrize(
    "text", ["*" * 20_000, "[" * 20_000, "> " * 5_000, "$" * 5_000, "`" * 9_999]
)
def test_hostile_nesting_is_rendered_in_bounded_time(text):
    assert render_markdown(text)
