"""Keys of rows in the markup of a page are a leak; the numbers that every page has are none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils.safestring import mark_safe

from annotation import rate_views
from annotation.audit import audit_blinding
from annotation.blinding import blind_task
from annotation.launch import launch_study
from annotation.models import Side
from annotation.shown_ids import ShownIds
from tests.factories import make_study

#: Outputs 10 n + 1 and 10 n + 2 on page n, of systems 1 and 2, in turns on the left.
ORDERS = [(1, 2) if page % 3 else (2, 1) for page in range(9)]


def rules_of(markup, *, pages: int = 9) -> list[str]:
    """Return what is found on pages whose markup names what is given it, in the order shown."""
    ids = ShownIds()
    for page, systems in enumerate(ORDERS[:pages], start=10):
        outputs = [10 * page + system for system in systems]
        ids.note(markup(outputs, systems), outputs=outputs, systems=systems)
    return list(ids.rules())


def cards(*markup: str) -> str:
    return "".join(f'<article class="output card">{each}</article>' for each in markup)


def test_keys_of_outputs_are_found_in_any_attribute():
    found = rules_of(lambda outputs, _: "".join(f'<b data-key="x-{pk}">1</b>' for pk in outputs))
    assert found == ["the keys of outputs"]


def test_a_systems_key_is_found_on_its_card_among_other_numbers():
    found = rules_of(lambda _, systems: cards(*(f'<i id="s-0" n="{s}">9</i>' for s in systems)))
    assert found == ["the keys of systems"]


@pytest.mark.parametrize(
    "markup",
    [
        lambda outputs, _: " ".join(map(str, outputs)),  # what is read is no markup
        lambda _, systems: cards('<input value="1">', '<input value="2">'),  # by place
        lambda outputs, _: f'<b n="{outputs[0]}">',  # one of two
        lambda _, systems: "".join(f'<b n="{s}">' for s in systems),  # the same on every page
        lambda _, systems: "",
    ],
)
def test_other_numbers_are_none(markup):
    assert rules_of(markup) == []


def test_a_few_pages_tell_nothing():
    assert rules_of(lambda outputs, _: "".join(f'<b n="{pk}">' for pk in outputs), pages=7) == []


@pytest.mark.django_db
@pytest.mark.parametrize("protocol", ["pairwise", "mos"])
def test_the_audit_finds_the_keys_of_outputs(monkeypatch, protocol):
    study = launch_study(make_study(prompts=10, protocol=protocol))

    def telling(assignment, **kwargs):
        task = blind_task(assignment, **kwargs)
        outputs = assignment.task.output_a, assignment.task.output_b
        keys = [output.pk for output in outputs if output is not None]
        if assignment.left == Side.B:
            keys.reverse()
        told = [
            replace(output, html=mark_safe(f'<p data-key="{key}"></p>{output.html}'))
            for key, output in zip(keys, task.outputs, strict=True)
        ]
        return replace(task, outputs=tuple(told))

    assert audit_blinding(study) == []
    monkeypatch.setattr(rate_views, "blind_task", telling)
    (finding,) = audit_blinding(study)
    assert finding.is_leak
    assert (finding.where, finding.what) == ("markup of the tasks", "the keys of outputs")
