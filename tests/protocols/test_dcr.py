"""DCR: the reference stands first, the output is scored in five words."""

from __future__ import annotations

import pytest

from tests.protocols.rating import Rating, launched

pytestmark = pytest.mark.django_db


def test_the_reference_comes_first_and_is_not_what_is_judged():
    bob = Rating(launched("dcr"))
    prompt = bob.slot.task.prompt
    reference, output = f"The reference of {prompt.key}.", bob.slot.task.output_a.text
    assert 0 < bob.text.index(reference) < bob.text.index(output)
    assert bob.text.count("<article") == 2


def test_the_score_and_the_five_words():
    bob = Rating(launched("dcr"))
    words = [choice.words for choice in bob.parts[0].choices]
    assert (words[0], words[-1], len(words)) == ("Very annoying", "Imperceptible", 5)
    bob.send(choice="2")
    judgment = bob.study.judgments.get()
    assert (judgment.score, judgment.verdict, judgment.left) == (2, "", "")


def test_a_reference_is_as_hostile_as_any_other_text():
    from generation.models import Prompt

    study = launched("dcr")
    Prompt.objects.update(reference="<script>alert(1)</script> ![x](http://evil.example/a.png)")
    text = Rating(study).text
    assert "<script>alert" not in text
    assert "evil.example" not in text
