"""What the systems said: System, PromptSet, Prompt, Job, Output; Media and what made them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.utils.timezone import now

from generation.backends import BACKENDS


class SystemQuerySet(models.QuerySet["System"]):
    def owned_by(self, user: Any) -> SystemQuerySet:
        return self.filter(owner=user)


def backend_choices() -> list[tuple[str, str]]:
    """Return what a system can run on: every registered backend, or none."""
    registered = [(name, backend.label) for name, backend in BACKENDS.items()]
    return [*registered, (System.Backend.IMPORTED, "None: its outputs are imported")]


class System(models.Model):
    """A model with fixed settings; one competitor."""

    class Backend:
        """Names that code knows; all that there are: `backend_choices`."""

        TRANSFORMERS = "transformers"
        OPENAI_HTTP = "openai_http"
        SPEECH = "speech"
        FAKE = "fake"
        IMPORTED = "imported"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="systems")
    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    backend = models.CharField(max_length=20, choices=backend_choices, default=Backend.IMPORTED)
    #: What the backend loads: a folder below EVALSITE_MODEL_ROOTS, a server's model, a voice.
    model = models.CharField(max_length=300, blank=True)
    #: See `generation.backends.settings.GenerationSettings` for the keys.
    settings = models.JSONField(default=dict, blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = SystemQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def can_generate(self) -> bool:
        return self.backend != self.Backend.IMPORTED


class PromptSetQuerySet(models.QuerySet["PromptSet"]):
    def owned_by(self, user: Any) -> PromptSetQuerySet:
        return self.filter(owner=user)

    def with_sizes(self) -> PromptSetQuerySet:
        """Annotate `prompt_count`. Grouping drops the default order, which pages need."""
        return self.annotate(prompt_count=Count("prompts")).order_by("name", "pk")


class PromptSet(models.Model):
    """A named list of prompts, frozen when it is made."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="prompt_sets")
    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    content_hash = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = PromptSetQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Prompt(models.Model):
    """One input: a text, or chat turns of which `text` is what raters see."""

    prompt_set = models.ForeignKey(PromptSet, models.CASCADE, related_name="prompts")
    #: The `id` of the imported file, kept verbatim.
    key = models.CharField(max_length=200)
    position = models.PositiveIntegerField()
    text = models.TextField()
    messages = models.JSONField(null=True, blank=True)
    category = models.CharField(max_length=100, blank=True)
    reference = models.TextField(blank=True)
    #: Shown with the text, or in place of it; and with the reference.
    media = models.ForeignKey(
        "generation.Media", models.PROTECT, null=True, blank=True, related_name="prompts"
    )
    reference_media = models.ForeignKey(
        "generation.Media", models.PROTECT, null=True, blank=True, related_name="+"
    )
    #: `text` as sanitised HTML, rendered once when stored.
    html = models.TextField(editable=False)

    class Meta:
        ordering = ["prompt_set", "position"]
        constraints = [
            models.UniqueConstraint(fields=["prompt_set", "key"], name="prompt_key_once_per_set"),
            models.UniqueConstraint(fields=["prompt_set", "position"], name="prompt_position_once"),
        ]

    def __str__(self) -> str:
        return self.key


class JobQuerySet(models.QuerySet["Job"]):
    def owned_by(self, user: Any) -> JobQuerySet:
        return self.filter(system__owner=user)

    def behind(self, outputs: models.QuerySet[Output]) -> JobQuerySet:
        """Select the jobs that made some of `outputs`, for a report to cite."""
        made = outputs.order_by().values("job").distinct()
        return self.filter(pk__in=made).order_by("pk")

    def with_counts(self) -> JobQuerySet:
        """Annotate `total`, `done`, `failed`, `running` and `pending` output counts."""
        state = Output.State
        counts = {
            name: Count("outputs", filter=Q(outputs__state=value))
            for name, value in [
                ("done", state.DONE),
                ("failed", state.FAILED),
                ("running", state.RUNNING),
                ("pending", state.PENDING),
            ]
        }
        counted = self.annotate(**counts, **{"total": Count("outputs")})
        # Grouping drops the default order, which pages need.
        return counted.order_by("-created_at", "-pk")


class Job(models.Model):
    """One system run over one prompt set."""

    system = models.ForeignKey(System, models.PROTECT, related_name="jobs")
    prompt_set = models.ForeignKey(PromptSet, models.PROTECT, related_name="jobs")
    samples = models.PositiveSmallIntegerField(default=1)
    seed = models.BigIntegerField(default=0)
    #: What made the outputs (weights, versions, device, settings); the first worker writes it once.
    provenance = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)

    # Set by `with_counts`.
    total: int
    done: int
    failed: int
    running: int
    pending: int

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.system} over {self.prompt_set}"


class Media(models.Model):
    """A file that is not text, kept once under the hash of its content; never changed.

    See `generation.media` for its content.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    mime = models.CharField(max_length=100)
    bytes = models.PositiveBigIntegerField()
    #: 0 for an image.
    seconds = models.FloatField()
    #: Hz; 0 where there is nothing to hear.
    sample_rate = models.PositiveIntegerField()
    channels = models.PositiveSmallIntegerField(null=True, blank=True)
    #: LUFS, by ITU-R BS.1770; None: too quiet, or not measured.
    loudness = models.FloatField(null=True, blank=True)
    #: Pixels, of images and videos.
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "media"

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def kind(self) -> str:
        """Return audio, image or video."""
        return self.mime.partition("/")[0]

    @property
    def storage_name(self) -> str:
        return self.storage_name_of(self.sha256)

    @staticmethod
    def storage_name_of(sha256: str) -> str:
        return f"{sha256[:2]}/{sha256}"


class ServedCopy(models.Model):
    """What raters are sent in place of a file: made once, without metadata, alike for all systems.

    See `generation.copies`.
    """

    source = models.ForeignKey(Media, models.PROTECT, related_name="served_copies")
    #: How it was made; another way is another copy.
    recipe = models.CharField(max_length=60)
    media = models.ForeignKey(Media, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "served copies"
        constraints = [
            models.UniqueConstraint(fields=["source", "recipe"], name="one_copy_per_recipe")
        ]

    def __str__(self) -> str:
        return f"{self.source}, {self.recipe}"


class EngineRecord(models.Model):
    """What made outputs, as one worker had it: weights, versions, device. Never changed."""

    #: Of the record as canonical JSON: workers that are alike share a row.
    sha256 = models.CharField(max_length=64, unique=True)
    record = models.JSONField()
    created_at = models.DateTimeField(default=now, editable=False)

    def __str__(self) -> str:
        return self.sha256[:12]


class OutputQuerySet(models.QuerySet["Output"]):
    def owned_by(self, user: Any) -> OutputQuerySet:
        return self.filter(system__owner=user)

    def done(self) -> OutputQuerySet:
        return self.filter(state=Output.State.DONE)

    def pending(self) -> OutputQuerySet:
        return self.filter(state=Output.State.PENDING)

    def unfinished(self) -> OutputQuerySet:
        return self.filter(state__in=[Output.State.PENDING, Output.State.RUNNING])


class Output(models.Model):
    """What one system produced for one prompt. Its row is also its place in the queue.

    A worker leases the row; `fence` counts the leases, and every write of a worker names the
    fence that it was given, so that one that comes back from the dead writes nothing.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"  # leased by a worker until `lease_until`
        DONE = "done"  # immutable from here on (held by a trigger)
        FAILED = "failed"  # `error` says why
        CANCELLED = "cancelled"

    class Finish(models.TextChoices):
        EOS = "eos", "ended by itself"
        LENGTH = "length", "cut at the token limit"
        STOP = "stop", "ended at a stop string"
        UNKNOWN = "", "not known"

    system = models.ForeignKey(System, models.PROTECT, related_name="outputs")
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="outputs")
    sample = models.PositiveSmallIntegerField(default=0)
    #: None for an imported output.
    job = models.ForeignKey(Job, models.PROTECT, null=True, blank=True, related_name="outputs")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)

    text = models.TextField(blank=True)
    html = models.TextField(blank=True, editable=False)
    #: The file that was made; `text` is then empty.
    media = models.ForeignKey(
        Media, models.PROTECT, null=True, blank=True, editable=False, related_name="outputs"
    )
    #: Of the text, or of the file in `media`: what a study freezes and finds duplicates by.
    text_hash = models.CharField(max_length=64, blank=True, editable=False)
    finish_reason = models.CharField(max_length=10, choices=Finish, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    error = models.TextField(blank=True)
    #: Per row: rendered-prompt hash, seed key, token ids, batch, attempt; or the imported file.
    provenance = models.JSONField(default=dict, blank=True, editable=False)
    #: What is the same for many rows. None for an imported output.
    engine = models.ForeignKey(
        EngineRecord, models.PROTECT, null=True, blank=True, editable=False, related_name="outputs"
    )

    #: A greedy row is not made where another of its system has the same prompt: it is linked to
    #: that one, waits for it, and gets what becomes of it. Never leased.
    copy_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="copies"
    )

    #: What a greedy row is asked, hashed with its system: rows that share it would say the same.
    twin_key = models.CharField(  # noqa: DJ001 - a default would have SQLite make the table anew
        max_length=64, null=True, blank=True, editable=False
    )

    #: The prompt's position, copied: work goes prompt by prompt, so that early tasks favour nobody.
    queue_position = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OutputQuerySet.as_manager()

    class Meta:
        ordering = ["queue_position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["system", "prompt", "sample"], name="output_once_per_sample"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False),
                name="running_output_has_a_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue_position", "id"],
                condition=Q(state__in=["pending", "running"]),
                name="output_queue",
            ),
            models.Index(
                fields=["twin_key"], condition=Q(twin_key__isnull=False), name="output_twins"
            ),
            # All that a launch reads of half a million outputs, so that it reads no text.
            models.Index(
                fields=["system", "sample", "prompt", "state", "text_hash", "media"],
                name="output_facts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system} on {self.prompt}"
