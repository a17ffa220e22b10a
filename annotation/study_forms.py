"""Forms of the researcher's pages for studies. They check shape; services decide."""

from __future__ import annotations

from typing import Any

from django import forms

from annotation.design import task_count
from annotation.models import Study
from annotation.services import MAX_INVITES, check_pairing
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.forms import RowsField
from generation.models import PromptSet, System

#: What one judgment takes, to say roughly how long a study is.
SECONDS_A_JUDGMENT = 30
MAX_BUDGET = 10**6
#: What the column holds on every database.
MAX_TASKS_PER_RATER = 2**31 - 1


class StudyForm(forms.Form):
    name = forms.CharField(max_length=200, help_text="For you: it may name systems.")
    title = forms.CharField(
        max_length=100,
        initial="Helpful answers",
        label="Title for raters",
        help_text="They see it on every page; it must not name a system.",
    )
    protocol = forms.ChoiceField(
        choices=Study.Protocol.choices, widget=forms.RadioSelect, initial=Study.Protocol.PAIRWISE
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

    def clean_pairing(self) -> str:
        return self.cleaned_data["pairing"] or Study.Pairing.FULL

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if self.errors.keys() & {"protocol", "pairing", "task_budget"}:
            return data
        try:
            check_pairing(**{key: data[key] for key in ("protocol", "pairing", "task_budget")})
        except InputRefused as error:
            self.add_error("task_budget", str(error))
        return data

    def size(self) -> dict[str, Any]:
        """Say how large the study would be with what is filled in so far."""
        self.full_clean()
        data = self.cleaned_data
        systems, prompt_set = len(data.get("systems", [])), data.get("prompt_set")
        tasks = task_count(
            is_pairwise=data.get("protocol") == Study.Protocol.PAIRWISE,
            systems=systems,
            prompts=prompt_set.prompts.count() if prompt_set else 0,
        )
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


class InviteForm(forms.Form):
    count = forms.IntegerField(min_value=1, max_value=MAX_INVITES, initial=1, label="Raters")


class ExclusionForm(forms.Form):
    reason = forms.CharField(max_length=500)
