from __future__ import annotations

from typing import Any

from django import forms

from annotation.models import Study
from generation.models import System
from ranking.benchmarks.lm_eval import MAX_BYTES
from ranking.comparisons import Slice
from ranking.reports import Options
from ranking.reports.slices import choices


class BenchmarkForm(forms.Form):
    """A results file of a harness, and the system that it measured."""

    file = forms.FileField(
        label="Results file",
        help_text="results_….json of lm-evaluation-harness.",
        widget=forms.FileInput(attrs={"accept": ".json"}),
        allow_empty_file=True,
    )
    system = forms.ModelChoiceField(
        queryset=System.objects.none(), required=False, empty_label="as the file names it"
    )
    harness_version = forms.CharField(
        max_length=60, required=False, help_text="Only where the file does not say it."
    )

    def __init__(self, *args: Any, owner: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.owned_by(owner)  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(f"At most {MAX_BYTES // 2**20} MiB.")
        return file


class RoundForm(forms.Form):
    """How many tasks the next round of adaptive pairs asks."""

    count = forms.IntegerField(min_value=1, max_value=10**6)


class ReportForm(forms.Form):
    """How a report is cut and fitted, from the query of its address; closed lists only."""

    category = forms.ChoiceField(required=False)
    group = forms.ChoiceField(required=False, label="Raters")
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    ties = forms.ChoiceField(
        required=False,
        choices=[
            ("", "half a win each way"),
            ("davidson", "a chance of their own (Davidson)"),
        ],
    )
    cap = forms.TypedChoiceField(
        required=False,
        label="Weight of one rater",
        coerce=float,
        empty_value=None,
        choices=[("", "as judged"), ("0.05", "at most 5%"), ("0.1", "at most 10%"),
                 ("0.2", "at most 20%")],
    )  # fmt: skip
    adjust = forms.BooleanField(required=False, label="Adjust for length and style")

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, values in choices(study).items():
            field: Any = self.fields[name]
            field.choices = [("", "all"), *((value, value) for value in values)]
            if not values:
                del self.fields[name]
        if study.protocol != Study.Protocol.PAIRWISE:
            for name in ("ties", "cap", "adjust"):
                del self.fields[name]

    def options(self) -> Options:
        """Return what the query asks for; what it gets wrong is left out."""
        self.is_valid()
        data = self.cleaned_data
        return Options(
            ties=data.get("ties") or "half",
            cap=data.get("cap"),
            adjust=bool(data.get("adjust")),
            part=Slice(
                category=data.get("category") or "",
                group=data.get("group") or "",
                since=data.get("since"),
                until=data.get("until"),
            ),
        )
