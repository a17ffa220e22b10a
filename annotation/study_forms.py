"""Forms of the researcher's pages for studies. They check shape; services decide."""

from __future__ import annotations

from typing import Any

from django import forms

from annotation.design import task_count
from annotation.joining import MAX_CAP
from annotation.models import OpenLink, Study
from annotation.services import MAX_INVITES
from evalsite.lib.forms import RowsField
from generation.models import PromptSet, System

#: What one judgment takes, to say roughly how long a study is.
SECONDS_A_JUDGMENT = 30
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


class OpenLinkForm(forms.Form):
    cap = forms.IntegerField(min_value=1, max_value=MAX_CAP, initial=20, label="Raters, at most")
    platform = forms.ChoiceField(
        choices=OpenLink.Platform.choices,
        required=False,
        help_text="Its ids are read from the address, stored, and each takes part once.",
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
