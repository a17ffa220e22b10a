"""The parts of the audio gate: what is heard, what is asked, and how many must be right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np
from django.utils.translation import gettext_noop

from annotation.audio_gate.sounds import (
    MOST_BEEPS,
    Sound,
    antiphase,
    beeps,
    huggins,
    side,
    wav_bytes,
)

#: How often the gate may be tried.
ATTEMPTS = 2
#: Sounds in each part.
SOUNDS = 6


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part: `SOUNDS` sounds with one question. A choice is a place in `choices`, from 0.

    Texts but the label are translated where they are shown.
    """

    name: str
    label: str
    title: str
    why: str
    question: str
    #: What to try again with, for whoever fails.
    advice: str
    choices: tuple[str, ...]
    make: Callable[[np.random.Generator, int, int], Sound]
    #: How many answers must be right.
    needed: int
    #: Choices at the end that are never right, for those who hear nothing.
    never: int = 0
    #: Whether each choice that can be right is so at least once.
    has_each: bool = False

    @property
    def possible(self) -> int:
        """How many of the choices can be right."""
        return len(self.choices) - self.never

    def draw(self, rng: np.random.Generator) -> list[int]:
        """Draw which choice is right of each sound; every allowed row is equally likely."""
        while True:
            right = rng.integers(self.possible, size=SOUNDS)
            if not self.has_each or len(set(right.tolist())) == self.possible:
                return [int(place) for place in right]

    def sound(self, seed: Sequence[int], right: int, number: int) -> bytes:
        """Return sound `number` as a WAV file; the same seed makes the same bytes."""
        rng = np.random.default_rng([*seed, number])
        return wav_bytes(self.make(rng, right, number), rng=rng)

    def is_passed(self, right: Sequence[int], answers: Sequence[int]) -> bool:
        return self.count_right(right, answers) >= self.needed

    @staticmethod
    def count_right(right: Sequence[int], answers: Sequence[int]) -> int:
        return sum(place == answer for place, answer in zip(right, answers, strict=True))

    @property
    def chance(self) -> Fraction:
        """Return how likely the best guesser, who knows the rules and hears nothing, passes."""
        if self.has_each:  # all must be right then: one row among all that are allowed
            return Fraction(1, _rows_with_each(SOUNDS, self.possible))
        hit = Fraction(1, self.possible)
        return sum(
            (
                comb(SOUNDS, k) * hit**k * (1 - hit) ** (SOUNDS - k)
                for k in range(self.needed, SOUNDS + 1)
            ),
            Fraction(0),
        )


def _rows_with_each(length: int, values: int) -> int:
    """Count the rows of so many values in which each comes at least once."""
    return sum((-1) ** k * comb(values, k) * (values - k) ** length for k in range(values + 1))


def chance_of(names: Sequence[str], *, attempts: int = ATTEMPTS) -> Fraction:
    """Return how likely the best guesser passes all the named parts in one of the attempts."""
    once = Fraction(1)
    for name in names:
        once *= PARTS[name].chance
    return 1 - (1 - once) ** attempts


ALL = (
    Part(
        name="headphones",
        label="Headphones: a pitch that only two ears can hear (Huggins; Milne et al. 2021)",
        title=gettext_noop("Are your headphones on?"),
        why=gettext_noop(
            "Each sound is three noises in a row. One of them holds a faint, steady tone. It can "
            "be heard over headphones only, so this shows that you wear them."
        ),
        question=gettext_noop("Which noise holds the tone?"),
        advice=gettext_noop(
            "The faint tone is heard with headphones on both ears. See that they are on, and "
            "plugged in well, in a quiet place."
        ),
        choices=(gettext_noop("The first"), gettext_noop("The second"), gettext_noop("The third")),
        make=huggins,
        needed=6,
    ),
    Part(
        name="antiphase",
        label="Headphones: tones in antiphase (Woods et al. 2017)",
        title=gettext_noop("Are your headphones on?"),
        why=gettext_noop(
            "Each sound is three tones in a row. One of them is quieter than the others. Over "
            "loudspeakers another one seems to be, so this shows that you wear headphones."
        ),
        question=gettext_noop("Which tone is the quietest?"),
        advice=gettext_noop(
            "Over headphones the quietest tone can be told. See that they are on both ears, and "
            "plugged in well, in a quiet place."
        ),
        choices=(gettext_noop("The first"), gettext_noop("The second"), gettext_noop("The third")),
        make=antiphase,
        needed=5,
    ),
    Part(
        name="ears",
        label="Both ears: a tone on the left, on the right or in both",
        title=gettext_noop("Do both sides play, each on its own side?"),
        why=gettext_noop(
            "Each sound is one tone. It comes from the left, from the right, or from both, which "
            "you hear in the middle."
        ),
        question=gettext_noop("Where is the tone?"),
        advice=gettext_noop(
            "A side was mixed up or missing: see that the headphones are the right way round, "
            "and that the sound is not set to mono."
        ),
        choices=(gettext_noop("Left"), gettext_noop("Right"), gettext_noop("Both")),
        make=side,
        needed=6,
        has_each=True,
    ),
    Part(
        name="hearing",
        label="Hearing: counting beeps that become softer",
        title=gettext_noop("Can you hear soft sounds?"),
        why=gettext_noop(
            "Each sound has some beeps, not evenly spaced, and takes four seconds. From sound to "
            "sound they are softer. Do not change the volume."
        ),
        question=gettext_noop("How many beeps are there?"),
        advice=gettext_noop(
            "Soft sounds were not heard. Go to a quieter place, and set the volume anew."
        ),
        choices=(*(str(count) for count in range(1, MOST_BEEPS + 1)), gettext_noop("I hear none")),
        make=beeps,
        needed=5,
        never=1,
    ),
)
#: In this order, whichever a study wants.
PARTS: Mapping[str, Part] = {part.name: part for part in ALL}
