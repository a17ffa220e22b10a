"""Forms of the pages for systems, prompt sets and outputs. They check shape; services decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from evalsite.lib.forms import RowsField
from evalsite.lib.tabular import FORMATS
from generation.models import System, backend_choices
from generation.rows import MAX_SAMPLES
from generation.services import MAX_SEED


class UploadField(forms.FileField):
    """A .csv or .jsonl file of bounded size."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.FileInput(attrs={"accept": ",".join(FORMATS)}))
        kwargs.setdefault("allow_empty_file", True)  # the reader says it better, with the name
        super().__init__(**kwargs)

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload: UploadedFile[bytes] | None = super().clean(data, initial)
        if upload is None:
            return None
        if Path(upload.name or "").suffix.lower() not in FORMATS:
            raise forms.ValidationError("Take a .csv or .jsonl file.")
        if (upload.size or 0) > settings.EVALSITE_MAX_UPLOAD_MB * 2**20:
            raise forms.ValidationError(f"At most {settings.EVALSITE_MAX_UPLOAD_MB} MB.")
        return upload


class SystemForm(forms.Form):
    name = forms.CharField(
        max_length=200, help_text="For you and your report; raters never see it."
    )
    backend = forms.ChoiceField(
        choices=backend_choices, initial=System.Backend.TRANSFORMERS, label="Runs on"
    )
    model = forms.CharField(
        max_length=300,
        required=False,
        help_text="A folder below EVALSITE_MODEL_ROOTS, or smollm2-135m-instruct; the name of a "
        "server's model; a voice, such as flite:slt.",
    )
    temperature = forms.FloatField(
        min_value=0, max_value=10, initial=0, required=False, help_text="0 is greedy."
    )
    top_p = forms.FloatField(min_value=0.001, max_value=1, initial=1, required=False)
    max_new_tokens = forms.IntegerField(
        min_value=1, max_value=8192, initial=256, required=False, label="New tokens, at most"
    )
    system_prompt = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Empty: what the model's own template puts first.",
    )
    more = forms.JSONField(
        required=False,
        initial=dict,
        label="Other settings",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text='As JSON, such as {"base_url": "http://gpu-1:8000/v1"} or {"top_k": 40}.',
    )
    notes = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def clean_more(self) -> dict[str, Any]:
        more = self.cleaned_data["more"]
        if more is not None and not isinstance(more, dict):
            raise forms.ValidationError("Give a JSON object.")
        return more or {}

    def generation_settings(self) -> dict[str, Any]:
        """Return the settings that were filled in, by name."""
        keys = ("temperature", "top_p", "max_new_tokens", "system_prompt")
        given = {key: self.cleaned_data[key] for key in keys}
        filled = {key: value for key, value in given.items() if value not in (None, "")}
        return {**self.cleaned_data["more"], **filled}


class PromptSetForm(forms.Form):
    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    file = UploadField(
        required=False,
        help_text="Columns: id, prompt, and optionally category, reference, messages.",
    )
    lines = forms.CharField(
        required=False,
        label="Or one prompt a line",
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("file")) == bool((data.get("lines") or "").strip()) and not self.errors:
            raise forms.ValidationError("Give either a file or lines of prompts.")
        return data


class OutputsForm(forms.Form):
    file = UploadField(label="Outputs", help_text="Columns: prompt_id, system, output [, sample].")


class QueueForm(forms.Form):
    systems = RowsField(queryset=System.objects.none())
    samples = forms.IntegerField(
        min_value=1, max_value=MAX_SAMPLES, initial=1, label="Outputs for each prompt"
    )
    seed = forms.IntegerField(min_value=0, max_value=MAX_SEED, initial=0)

    def __init__(self, *args: Any, owner: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        able = System.objects.owned_by(owner).exclude(backend=System.Backend.IMPORTED)
        systems = self.fields["systems"]
        systems.queryset = able  # type: ignore[attr-defined]
        systems.none_yet = "None can be asked to generate: imported ones have no model."  # type: ignore[attr-defined]
