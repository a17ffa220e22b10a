"""What is judged, the same for all raters."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotation.models.studies import Study
from generation.models import Output, Prompt, System


class TaskQuerySet(models.QuerySet["Task"]):
    def waiting(self) -> TaskQuerySet:
        return self.filter(ready_at=None)

    def with_outputs_done(self) -> TaskQuerySet:
        done = Output.State.DONE
        undone = TaskOutput.objects.filter(task=models.OuterRef("pk"), output__isnull=False)
        return self.filter(
            Q(output_b=None) | Q(output_b__state=done),
            ~models.Exists(undone.exclude(output__state=done)),
            output_a__state=done,
        )


class Task(models.Model):
    """One thing to be judged, the same for all raters: outputs a and b, or a, or a group.

    `system_a` comes before `system_b` in the study's order of systems; they are the same where an
    output is compared with itself. A group has all its outputs as `TaskOutput` rows, and the first
    one as a. Imported judgments may come without outputs.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="tasks")
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="tasks")
    system_a = models.ForeignKey(System, models.PROTECT, related_name="+")
    system_b = models.ForeignKey(System, models.PROTECT, null=True, blank=True, related_name="+")
    output_a = models.ForeignKey(Output, models.PROTECT, null=True, blank=True, related_name="+")
    output_b = models.ForeignKey(Output, models.PROTECT, null=True, blank=True, related_name="+")
    #: A group's number on its prompt; None: not a group.
    group = models.PositiveSmallIntegerField(null=True, blank=True)
    #: When all outputs were there; their hashes join the study's record then.
    ready_at = models.DateTimeField(null=True, blank=True)
    #: Adaptive pairs: the round that asked it, from 1, and how probable it was, just before the
    #: draw, that this round would. None: every task is asked.
    round = models.PositiveIntegerField(null=True, blank=True, editable=False)
    chance = models.FloatField(null=True, blank=True, editable=False)
    hash_a = models.CharField(max_length=64, blank=True, editable=False)
    hash_b = models.CharField(max_length=64, blank=True, editable=False)
    #: Its answer is known (`Gold`): no judgment of it counts in a result.
    is_gold = models.BooleanField(default=False, editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "prompt", "system_a", "system_b"],
                condition=Q(system_b__isnull=False),
                name="pair_once_per_prompt",
            ),
            models.UniqueConstraint(
                fields=["study", "prompt", "system_a"],
                condition=Q(system_b__isnull=True, group__isnull=True),
                name="single_once_per_prompt",
            ),
            models.UniqueConstraint(
                fields=["study", "prompt", "group"],
                condition=Q(group__isnull=False),
                name="group_once_per_prompt",
            ),
        ]
        indexes = [
            models.Index(fields=["study"], condition=Q(ready_at__isnull=True), name="task_waiting")
        ]

    def __str__(self) -> str:
        return f"task {self.pk}"

    def all_outputs(self) -> list[Output]:
        """Return what is judged: a and b, or a, or a group by its places."""
        if self.group is None:
            return [output for output in (self.output_a, self.output_b) if output is not None]
        places = self.outputs.filter(output__isnull=False).select_related("output__system")
        return [place.output for place in places.order_by("place") if place.output is not None]


class TaskOutput(models.Model):
    """One place of a group: a system's output, or the prompt's reference, hidden among them.

    An anchor is that reference behind a low-pass, so it is the prompt's too.
    """

    class Role(models.TextChoices):
        SYSTEM = "system"
        REFERENCE = "reference"
        ANCHOR_3500 = "anchor_3500"
        ANCHOR_7000 = "anchor_7000"

    task = models.ForeignKey(Task, models.CASCADE, related_name="outputs")
    place = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=20, choices=Role, default=Role.SYSTEM)
    #: None for what is the prompt's.
    system = models.ForeignKey(System, models.PROTECT, null=True, blank=True, related_name="+")
    output = models.ForeignKey(Output, models.PROTECT, null=True, blank=True, related_name="+")
    #: The output's hash, noted when the task was ready.
    hash = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        ordering = ["task", "place"]
        constraints = [
            models.UniqueConstraint(fields=["task", "place"], name="place_once_per_task"),
            models.UniqueConstraint(fields=["task", "system"], name="system_once_per_group"),
            models.CheckConstraint(
                condition=Q(role="system", system__isnull=False)
                | Q(~Q(role="system"), system__isnull=True, output__isnull=True),
                name="place_has_a_system_or_is_the_prompts",
            ),
        ]

    def __str__(self) -> str:
        return f"place {self.place} of {self.task}"
