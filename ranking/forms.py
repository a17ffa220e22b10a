from __future__ import annotations

from typing import Any

from django import forms

from generation.models import System
from ranking.benchmarks.lm_eval import MAX_BYTES


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
