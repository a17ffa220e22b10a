"""Forms of rules. They make the tables that a rule file holds; `read_rules` decides."""

from __future__ import annotations

from typing import Any

from django import forms

from annotation.models import Study
from annotation.quality.declaring import declare_rules
from annotation.quality.measures import MEASURES, Needs
from annotation.quality.reading import offers
from annotation.quality.rule_files import MAX_NAME, read_rules
from annotation.quality.rule_sets import RULE_SETS, WITH_ANCHOR
from annotation.quality.rules import LEAST_PER, MAX_LEAST, MAX_PER, RuleSpec
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.http import UserHttpRequest

SET_TITLES = {
    "basic": "Against clicking without looking",
    "p808": "Post-screening of ITU-T P.808",
    "mushra": "Post-screening of MUSHRA (ITU-R BS.1534-3)",
}
REASON = "Stands in the study's log: these judgments may have been seen already."


class _RulesForm(forms.Form):
    """Rules to add to a study; a reason is asked for once it is launched."""

    reason = forms.CharField(max_length=500, label="Why the rules change", help_text=REASON)

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.study = study
        self.rules: list[RuleSpec] = []
        if study.state == Study.State.DRAFT:
            del self.fields["reason"]

    def table(self) -> dict[str, Any]:
        """Return what would stand under `[[rules]]` in a file: a flag, and what is filled in."""
        data = self.cleaned_data
        return {key: data[key] for key in data if key != "reason" and data[key] not in (None, "")}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors.keys() - {"reason"}:
            return data
        try:
            self.rules = read_rules([self.table()], file="", study=self.study)
        except InputRefused as error:
            self.add_error(None, str(error))
        return data

    def declare(self, request: UserHttpRequest) -> None:
        """Add the rules. Raises `InputRefused` where the study has had one of that name."""
        reason = self.cleaned_data.get("reason", "")
        declare_rules(self.study, self.rules, by=request.user, reason=reason)


class RuleForm(_RulesForm):
    field_order = ["measure", "system", "threshold", "least", "per", "beyond_doubt", "name"]

    measure = forms.ChoiceField()
    system = forms.ChoiceField(
        required=False,
        label="The system that is the mid anchor",
        help_text="For the measure of the mid anchor, and for no other.",
    )
    threshold = forms.FloatField(
        label="Limit", help_text="A share is from 0 to 1: 0.5 is half of the judgments."
    )
    least = forms.IntegerField(
        min_value=1,
        max_value=MAX_LEAST,
        initial=10,
        label="Judgments that it takes",
        help_text="Of a rater with fewer the rule says nothing.",
    )
    per = forms.IntegerField(
        min_value=LEAST_PER,
        max_value=MAX_PER,
        required=False,
        label="In each so many judgments in a row",
        help_text="Only those that it hits are left out then. Empty: all of a rater.",
    )
    beyond_doubt = forms.BooleanField(
        required=False, initial=True, label="Only where the whole 95% interval is beyond the limit"
    )
    name = forms.CharField(max_length=MAX_NAME, help_text="The report counts what it leaves out.")

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        super().__init__(*args, study=study, **kwargs)
        offered = offers(study)
        self.fields["measure"].choices = [  # type: ignore[attr-defined]
            (m.name, f"{m.words}: {m.bad} …") for m in MEASURES.values() if m.needs in offered
        ]
        _offer_anchors(self, "system")


class RuleSetForm(_RulesForm):
    set = forms.ChoiceField(widget=forms.HiddenInput)
    anchor = forms.ChoiceField(
        required=False,
        label="The system that is the mid anchor",
        help_text="With it, whoever gives it more than 90 too often is hit as well.",
    )

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        super().__init__(*args, study=study, **kwargs)
        offered = offers(study)
        self.fields["set"].choices = [  # type: ignore[attr-defined]
            (name, name) for name, (needs, _) in RULE_SETS.items() if needs in offered
        ]
        _offer_anchors(self, "anchor")
        if self.prefix != WITH_ANCHOR[0]:
            self.fields.pop("anchor", None)


def _offer_anchors(form: _RulesForm, field: str) -> None:
    """Ask for the mid anchor only where the study makes none of its own."""
    offered = offers(form.study)
    if Needs.REFERENCE not in offered or Needs.ANCHOR in offered:
        del form.fields[field]
        return
    systems = form.study.systems.order_by("study_systems__position")
    choices = [("", "None"), *systems.values_list("slug", "name")]
    form.fields[field].choices = choices  # type: ignore[attr-defined]
