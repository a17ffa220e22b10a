"""Forms of the researcher's pages for studies. They check shape; services decide."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from django import forms

from annotation.joining import MAX_CAP
from annotation.models import OpenLink, Study
from annotation.models.studies import languages
from annotation.protocols import PROTOCOLS, Protocol, labels
from annotation.services import MAX_GROUP, MAX_INVITES, check_pairing
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.forms import RowsField
from generation.models import PromptSet, System

CODE = r"^[A-Za-z0-9_-]{1,64}$"
#: What one judgment takes, to say roughly how long a study is.
SECONDS_A_JUDGMENT = 30
MAX_BUDGET = 10**6
GROUP_HELP = "Experts, crowd, ...: results can be read by group."
#: What the column holds on every database.
MAX_TASKS_PER_RATER = 2**31 - 1


#: Fields of the study that only one protocol uses.
COLUMNS = {"pairwise": ("allow_tie", "allow_both_bad")}


class StudyForm(forms.Form):
    name = forms.CharField(max_length=200, help_text="For you: it may name systems.")
    title = forms.CharField(
        max_length=100,
        initial="Helpful answers",
        label="Title for raters",
        help_text="They see it on every page; it must not name a system.",
    )
    protocol = forms.ChoiceField(
        choices=labels, widget=forms.RadioSelect, initial=Study.Protocol.PAIRWISE.value
    )
    prompt_set = forms.ModelChoiceField(queryset=PromptSet.objects.none(), empty_label=None)
    systems = RowsField(queryset=System.objects.none())
    question = forms.CharField(
        max_length=300,
        required=False,
        help_text="Stands by the choices. Empty: the protocol's own question.",
    )
    instructions = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Markdown. Shown once, before the first task.",
    )
    consent = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Markdown. Empty: raters are not asked.",
    )
    language = forms.ChoiceField(
        choices=languages,
        initial="en",
        required=False,
        label="Language of raters' pages",
        help_text="Of the buttons and words around what you write yourself.",
    )
    pairing = forms.ChoiceField(
        choices=Study.Pairing.choices,
        widget=forms.RadioSelect,
        initial=Study.Pairing.FULL,
        required=False,
        label="Which pairs",
    )
    task_budget = forms.IntegerField(
        min_value=1,
        max_value=MAX_BUDGET,
        required=False,
        label="Tasks in all",
        help_text="For block and adaptive pairs.",
    )
    judgments_per_task = forms.IntegerField(
        min_value=1, max_value=1000, initial=3, label="Judgments for each task"
    )
    tasks_per_rater = forms.IntegerField(
        min_value=1,
        max_value=MAX_TASKS_PER_RATER,
        required=False,
        label="Tasks for one rater, at most",
        help_text="Empty: all.",
    )
    allow_tie = forms.BooleanField(required=False, initial=True, label="Offer “Tie”")
    allow_both_bad = forms.BooleanField(required=False, initial=True, label="Offer “Both bad”")

    def __init__(self, *args: Any, owner: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (
            ("prompt_set", PromptSet.objects.owned_by(owner)),
            ("systems", System.objects.owned_by(owner)),
        ):
            self.fields[name].queryset = rows  # type: ignore[attr-defined]
        for kind in PROTOCOLS.values():
            for name, field in kind.option_fields.items():
                self.fields[_option_name(kind, name)] = deepcopy(field)

    def plain_fields(self) -> list[forms.BoundField]:
        """Return the fields that every study has."""
        own = {field.name for _, _, fields in self.option_groups() for field in fields}
        return [field for field in self if field.name not in own]

    def option_groups(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """Return name, title and fields of each protocol that has options."""
        return [
            (kind.name, kind.label.partition(":")[0], [self[name] for name in names])
            for kind in PROTOCOLS.values()
            if (names := [*COLUMNS.get(kind.name, ()), *_option_names(kind)])
        ]

    def clean_language(self) -> str:
        return self.cleaned_data["language"] or "en"

    def clean_pairing(self) -> str:
        return self.cleaned_data["pairing"] or Study.Pairing.FULL

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        self._gather_options(data)
        if self.errors.keys() & {"protocol", "pairing", "task_budget"}:
            return data
        try:
            check_pairing(**{key: data[key] for key in ("protocol", "pairing", "task_budget")})
        except InputRefused as error:
            self.add_error("task_budget", str(error))
        return data

    def _gather_options(self, data: dict[str, Any]) -> None:
        """Put the chosen protocol's options together; those of others are neither read nor told."""
        values = {kind: _options(kind, data) for kind in PROTOCOLS.values()}
        kind = PROTOCOLS.get(data.get("protocol", ""))
        for other in PROTOCOLS.values():
            for name in _option_names(other):
                data.pop(name, None)
                if other is not kind:
                    self.errors.pop(name, None)
        data["options"] = values[kind] if kind else {}
        if kind:
            try:
                kind.parse(data["options"])
            except InputRefused as refused:
                names = _option_names(kind)
                self.add_error(names[0] if len(names) == 1 else None, str(refused))

    def size(self) -> dict[str, Any]:
        """Say how large the study would be with what is filled in so far."""
        self.full_clean()
        data = self.cleaned_data
        systems, prompt_set = len(data.get("systems", [])), data.get("prompt_set")
        prompts = prompt_set.prompts.count() if prompt_set else 0
        tasks = _tasks(data, systems=systems, prompts=prompts)
        if data.get("pairing") != Study.Pairing.FULL:
            tasks = min(tasks, data.get("task_budget") or tasks)
        judgments = tasks * data.get("judgments_per_task", 0)
        each = data.get("tasks_per_rater") or tasks
        return {
            "tasks": tasks,
            "judgments": judgments,
            "hours": judgments * SECONDS_A_JUDGMENT / 3600,
            # A rater meets a task once, so a task needs as many raters as judgments.
            "raters": max(data.get("judgments_per_task", 0), -(-judgments // each)) if each else 0,
        }


def _option_name(kind: type[Protocol], name: str) -> str:
    return f"{kind.name}_{name}"


def _option_names(kind: type[Protocol]) -> list[str]:
    return [_option_name(kind, name) for name in kind.option_fields]


def _options(kind: type[Protocol], data: dict[str, Any]) -> dict[str, Any]:
    """Return what was filled in, by the options' names."""
    given = {name: data.get(_option_name(kind, name)) for name in kind.option_fields}
    filled = {name: value for name, value in given.items() if value not in (None, "")}
    if "criteria" in filled:
        lines = filled["criteria"].splitlines()
        filled["criteria"] = [_criterion(line) for line in lines if line.strip()]
    return filled


def _criterion(line: str) -> str | dict[str, Any]:
    """Read "Is it clear? No | A little | Yes": the scale begins after the question's mark."""
    first, *others = [part.strip() for part in line.split("|")]
    if not others:
        return first
    found = re.fullmatch(r"(.*(?:[?.]|(?=:))):?\s*(.*)", first)
    label, lowest = found.groups() if found else ("", first)
    return {"label": label, "words": [lowest, *others]}


def _tasks(data: dict[str, Any], *, systems: int, prompts: int) -> int:
    """Return how many tasks the study would have; 0 where that cannot be told yet."""
    kind = PROTOCOLS.get(data.get("protocol", ""))
    if kind is None:
        return 0
    try:
        protocol = kind.parse(data.get("options", {}))
    except InputRefused:
        return 0
    return protocol.task_count(systems=systems, prompts=prompts)


class InviteForm(forms.Form):
    count = forms.IntegerField(min_value=1, max_value=MAX_INVITES, initial=1, label="Raters")
    group = forms.CharField(required=False, max_length=MAX_GROUP, help_text=GROUP_HELP)


class OpenLinkForm(forms.Form):
    cap = forms.IntegerField(min_value=1, max_value=MAX_CAP, initial=20, label="Raters, at most")
    group = forms.CharField(required=False, max_length=MAX_GROUP, help_text=GROUP_HELP)
    platform = forms.ChoiceField(
        choices=OpenLink.Platform.choices,
        required=False,
        help_text="Its ids are read from the address, stored, and each takes part once.",
    )


class CodesForm(forms.Form):
    """What the end page shows, by outcome, and where it leads."""

    code_complete = forms.RegexField(CODE, required=False, label="Code: complete")
    code_screened_out = forms.RegexField(CODE, required=False, label="Code: screened out")
    code_failed = forms.RegexField(CODE, required=False, label="Code: failed attention tasks")
    return_url = forms.CharField(
        max_length=300,
        required=False,
        label="Where the last page leads",
        help_text="https, with {code} where the code goes. Empty: who came from Prolific is led "
        "back to it, all others nowhere.",
    )


class ExclusionForm(forms.Form):
    reason = forms.CharField(max_length=500)


class ApplyForm(forms.Form):
    """What a preview of the rules looked at: the newest judgment, and the rules by key."""

    upto = forms.IntegerField(min_value=0, max_value=2**63 - 1)
    rules = forms.CharField(required=False, max_length=2000)

    def clean_rules(self) -> list[int]:
        keys = [key for key in self.cleaned_data["rules"].split("-") if key]
        if not all(key.isascii() and key.isdigit() and len(key) < 20 for key in keys):
            raise forms.ValidationError("These are no rules.")
        return [int(key) for key in keys]
