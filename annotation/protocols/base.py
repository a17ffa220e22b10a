"""What every protocol says of itself: its options, its design, its form, its columns in a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.forms import Field
from django.utils.translation import gettext, gettext_noop

from annotation.design import Blocks, Order
from annotation.protocols.options import OptionReader
from annotation.protocols.parts import Answer, Mark, Part, Shown, numbered
from evalsite.lib.tabular import Row

if TYPE_CHECKING:
    from annotation.models import Study

OTHER = {"a": "b", "b": "a"}
LETTERS = "ABCDEFGHIJKL"


@dataclass(frozen=True, kw_only=True)
class Protocol(ABC):
    """How a study asks. An instance is a protocol with one study's options.

    `read` turns what the form sends (screen terms) into what is stored (task terms), and `say` is
    its inverse. `from_row` and `to_row` do the same for files, which are in task terms already.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    #: What is asked where the researcher writes nothing.
    question: ClassVar[str]
    #: What the study is called to raters, where the researcher says nothing else.
    title: ClassVar[str] = gettext_noop("How good is each answer?")
    fewest_systems: ClassVar[int] = 1
    #: Two outputs stand left and right, or first and second; which is stored with the judgment.
    has_sides: ClassVar[bool] = False
    #: Tasks are groups of outputs, at places.
    is_grouped: ClassVar[bool] = False
    #: An output may be compared with itself.
    has_null_pairs: ClassVar[bool] = False
    #: The columns of a file that name the systems; those by which a file tells its protocol
    #: (an end of "_": any with that beginning; none: the file must name it); and optional ones.
    system_columns: ClassVar[tuple[str, ...]] = ("system",)
    telling_columns: ClassVar[tuple[str, ...]] = ()
    extra_columns: ClassVar[tuple[str, ...]] = ()
    #: Form fields of the common options, for the researcher's page.
    option_fields: ClassVar[Mapping[str, Field]] = {}

    @property
    def template(self) -> str:
        return f"annotation/rate/_{self.name}.html"

    # Options

    @classmethod
    @abstractmethod
    def parse(cls, options: Any) -> Self:
        """Check a study's options; raise `InputRefused` with what was expected."""

    @classmethod
    def of(cls, study: Study) -> Self:
        return cls.parse(study.options)

    def stored(self) -> dict[str, Any]:
        """Return the options as a study keeps them; `parse` reads them back."""
        return asdict(self)

    # The design

    @property
    def most_systems(self) -> int | None:
        """How many systems the protocol can take; None: any number."""
        return None

    @abstractmethod
    def order(self, *, systems: int, prompts: int, seed: int) -> Order:
        """Return the order of all tasks of the full design."""

    def task_count(self, *, systems: int, prompts: int) -> int:
        """Return how many tasks the full design has."""
        return self.order(systems=systems, prompts=prompts, seed=0).count

    @property
    def hidden(self) -> tuple[str, ...]:
        """What stands in a group behind the systems' outputs, by the roles of `TaskOutput`."""
        return ()

    # The screen

    @property
    def shows_reference(self) -> bool:
        """Whether the prompt's reference is on the screen, so that every prompt needs one."""
        return False

    @property
    def is_heard(self) -> bool:
        """Whether the outputs are sounds that are switched on one clock, and only rated so."""
        return False

    @property
    def reason_box(self) -> str:
        """Whether raters are asked for a reason: off, optional or required."""
        return "off"

    @property
    def is_one_press(self) -> bool:
        """Whether the answer is one choice and nothing else, so that a button is enough."""
        return True

    @abstractmethod
    def labels(self, count: int) -> tuple[str, ...]:
        """Name the outputs on the screen, in the order shown."""

    @abstractmethod
    def parts(self, *, question: str, count: int) -> tuple[Part, ...]:
        """Return the form for a task that shows so many outputs."""

    @abstractmethod
    def read(self, posted: Mapping[str, str], shown: Shown) -> Answer:
        """Return what to store; raise `AnswerIncomplete`, and `ChoiceUnknown` for other values."""

    @abstractmethod
    def say(self, answer: Answer, shown: Shown) -> dict[str, str]:
        """Return the fields of the form that `read` would read as this answer."""

    # Counting

    @property
    def values(self) -> int:
        """How many values a mark can have; they begin at 0."""
        return 256

    @property
    def counts_more(self) -> bool:
        """Whether marks need more of an answer than its verdict and score."""
        return True

    @abstractmethod
    def marks(self, answer: Answer, *, places: int) -> list[Mark]:
        """Return what a report counts of an answer; question 0 is in it exactly once."""

    # Files

    @property
    def required_columns(self) -> tuple[str, ...]:
        return ("score",)

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Columns of the answer that hold whole numbers."""
        return ("score",)

    @property
    def more_columns(self) -> tuple[str, ...]:
        """Columns of the answer that a file may leave out."""
        return ()

    @classmethod
    def options_in(cls, rows: Sequence[Row]) -> dict[str, Any]:
        """Return the options that a study needs to hold what the file says."""
        return {}

    @abstractmethod
    def from_row(self, row: Row) -> Answer:
        """Read an answer; a and b, and places, are by the row's order of systems."""

    @abstractmethod
    def to_row(self, answer: Answer, systems: Sequence[str]) -> dict[str, Any]:
        """Return the columns of an answer; `systems` are the task's, by place."""

    def renumbered(self, answer: Answer, places: Sequence[int]) -> Answer:
        """Return the answer for a task in which the i-th system of the row is at `places[i]`."""
        return answer


class Singles(Protocol):
    """One output at a time: every system on every prompt."""

    def order(self, *, systems: int, prompts: int, seed: int) -> Order:
        return Blocks(is_pairwise=False, systems=systems, prompts=prompts, seed=seed)

    def labels(self, count: int) -> tuple[str, ...]:
        return (gettext("Answer"),)


class Scored(Singles):
    """One output at a time, and a score from 1 up; the words are all that differs."""

    words: ClassVar[tuple[str, ...]]

    @classmethod
    def parse(cls, options: Any) -> Self:
        OptionReader(options, protocol=cls.name).finish()
        return cls()

    def parts(self, *, question: str, count: int) -> tuple[Part, ...]:
        scores = [
            (str(score), "", gettext(words)) for score, words in enumerate(self.words, start=1)
        ]
        return (Part(name="choice", label=question, choices=numbered(scores)),)

    def read(self, posted: Mapping[str, str], shown: Shown) -> Answer:
        (part,) = self.parts(question=self.question, count=1)
        return Answer(score=int(part.read(posted)))

    def say(self, answer: Answer, shown: Shown) -> dict[str, str]:
        return {"choice": str(answer.score)}

    @property
    def counts_more(self) -> bool:
        return False

    def marks(self, answer: Answer, *, places: int) -> list[Mark]:
        return [Mark(0, None, answer.score or 0)]

    def from_row(self, row: Row) -> Answer:
        return Answer(score=row.whole("score", low=1, high=len(self.words)))

    def to_row(self, answer: Answer, systems: Sequence[str]) -> dict[str, Any]:
        return {"score": answer.score}


class Pairs(Protocol):
    """Two outputs side by side: every pair of systems on every prompt."""

    fewest_systems = 2
    has_sides = True
    system_columns = ("system_a", "system_b")

    def order(self, *, systems: int, prompts: int, seed: int) -> Order:
        return Blocks(is_pairwise=True, systems=systems, prompts=prompts, seed=seed)

    def labels(self, count: int) -> tuple[str, ...]:
        return (gettext("Left"), gettext("Right"))


class Groups(Protocol):
    """Several outputs on one screen, in an order that is stored; answers are by place."""

    is_grouped = True
    system_columns = ("systems",)

    @property
    def is_one_press(self) -> bool:
        return False

    def labels(self, count: int) -> tuple[str, ...]:
        return tuple(
            gettext("Answer %(letter)s") % {"letter": letter} for letter in LETTERS[:count]
        )
