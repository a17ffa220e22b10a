"""Numbers in the markup around outputs: do they give away which output or system stands there?

A number by itself says nothing, "3" is everywhere. But the keys of the outputs that a page shows,
on every page, or a system's key on each card where its output stands, are no chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: Fewer pages could agree by chance.
LEAST_PAGES = 8
_TAG = re.compile(r"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


#: Where an output's card begins.
_CARD = '<article class="output card">'


@dataclass(frozen=True, kw_only=True)
class _Page:
    """The numbers in one page's markup and in each output's card, and the keys of what it shows."""

    numbers: set[int]
    cards: list[set[int]]
    outputs: tuple[int, ...]
    systems: tuple[int, ...]

    @property
    def names_outputs(self) -> bool:
        return self.numbers >= {*self.outputs}

    @property
    def names_systems(self) -> bool:
        """True when each card has the key of its own system; cards may be of another kind."""
        return len(self.cards) == len(self.systems) and all(
            system in card for system, card in zip(self.systems, self.cards, strict=True)
        )


class ShownIds:
    """Collects pages; `rules` says which keys could be read off all of them."""

    def __init__(self) -> None:
        self._pages: list[_Page] = []

    def note(self, html: str, *, outputs: Sequence[int], systems: Sequence[int]) -> None:
        """Take one page, without the outputs' own words, and the keys of what it shows."""
        page = _Page(
            numbers=_numbers_in(html),
            cards=[_numbers_in(card) for card in _cards_in(html)],
            outputs=tuple(outputs),
            systems=tuple(systems),
        )
        self._pages.append(page)

    def rules(self) -> Iterator[str]:
        if len(self._pages) < LEAST_PAGES:
            return
        if all(page.names_outputs for page in self._pages):
            yield "the keys of outputs"
        orders = {page.systems for page in self._pages}
        if len(orders) > 1 and all(page.names_systems for page in self._pages):
            yield "the keys of systems"


def _cards_in(html: str) -> list[str]:
    return [card.partition("</article>")[0] for card in html.split(_CARD)[1:]]


def _numbers_in(html: str) -> set[int]:
    """Return the whole numbers inside tags."""
    return {int(found) for tag in _TAG.findall(html) for found in _NUMBER.findall(tag)}
