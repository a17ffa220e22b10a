"""Ready-made rules, by name. The docstring of each set says where its numbers are from."""

from __future__ import annotations

from collections.abc import Callable

from annotation.quality.measures import Needs
from annotation.quality.rules import RuleSpec

Offers = frozenset[Needs]


def basic(offers: Offers) -> list[RuleSpec]:
    """Against clicking without looking. The numbers are ours: see the simulation in the tests.

    All but runs are beyond doubt, so that nobody is excluded for a few unlucky answers.
    """
    has_scores, has_few = Needs.SCORES in offers, Needs.FEW_ANSWERS in offers
    # Whoever scores with care is often one point off.
    gold = "gold_within_1" if has_scores else "gold"
    rules = [
        RuleSpec(name="basic: too quick", measure="quick", threshold=0.5, least=10),
        RuleSpec(name="basic: straight-lining", measure="run", threshold=25, least=30),
        RuleSpec(name="basic: gold", measure=gold, threshold=0.75, least=5),
        RuleSpec(name="basic: attention", measure="attention", threshold=0.75, least=3),
    ]
    if has_few:
        name = "basic: contradicts itself"
        rules.append(RuleSpec(name=name, measure="consistency", threshold=0.5, least=10))
    if has_few or has_scores:
        name, against = "basic: against the rest", "correlation" if has_scores else "agreement"
        rules.append(RuleSpec(name=name, measure=against, threshold=0.4, least=20))
    if Needs.SIDES in offers:
        rules.append(RuleSpec(name="basic: one side", measure="side", threshold=0.7, least=20))
    return rules


#: Ten clips, a trap and a gold clip make a session of P.808.
P808_SESSION = 12
#: A stretch may hold more checks than a session, and fewer scores.
P808_LEAST_SCORES = 8


def p808(offers: Offers) -> list[RuleSpec]:
    """Post-screening of crowdsourced scores, ITU-T P.808 (2021), as its reference toolkit does it.

    Naderi and Cutler (2020), "An open source implementation of ITU-T Recommendation P.808 with
    validation". A session (here: 12 judgments in a row) is left out whole when its trap is not
    answered exactly right, when its gold is further than 1 from the known score, or when the
    sample variance of its scores is below 0.1. A score is left out when it is 3.29 standard
    deviations or more from the mean of its condition (here: system). The toolkit's checks of
    hearing, headset and playing to the end belong to the rater's way, not to rules.
    """
    return [
        _session("p808: trap", "attention", 1.0),
        _session("p808: gold", "gold_within_1", 1.0),
        _session("p808: variance", "variance", 0.1, least=P808_LEAST_SCORES),
        RuleSpec(
            name="p808: outlier", measure="deviation", threshold=3.29, least=3, beyond_doubt=False
        ),
    ]


def _session(name: str, measure: str, threshold: float, *, least: int = 1) -> RuleSpec:
    return RuleSpec(
        name=name,
        measure=measure,
        threshold=threshold,
        least=least,
        per=P808_SESSION,
        beyond_doubt=False,
    )


#: With six tasks, one slip would be more than 15 %.
MUSHRA_LEAST_TASKS = 7


def mushra(offers: Offers, anchor: str = "") -> list[RuleSpec]:
    """Post-screening of MUSHRA, ITU-R BS.1534-3 (2015).

    A rater is left out who gives the hidden reference less than 90 in more than 15 % of the tasks,
    or the mid anchor more than 90 in more than 15 % of them; tasks whose mid anchor got that from
    more than a quarter of the raters do not count. The mid anchor is the study's own of
    7 kHz, or the system whose slug is `anchor`; without either the second rule is left out. That
    seven tasks are needed is ours.
    """
    rules = [_mushra("mushra: reference", "reference_low")]
    if anchor or Needs.ANCHOR in offers:
        rules.append(_mushra("mushra: anchor", "anchor_high", anchor))
    return rules


def _mushra(name: str, measure: str, system: str = "") -> RuleSpec:
    return RuleSpec(
        name=name,
        measure=measure,
        threshold=0.15,
        least=MUSHRA_LEAST_TASKS,
        beyond_doubt=False,
        system=system,
    )


#: Name -> what it needs, and its rules.
RULE_SETS: dict[str, tuple[Needs, Callable[..., list[RuleSpec]]]] = {
    "basic": (Needs.NOTHING, basic),
    "p808": (Needs.SCORES, p808),
    "mushra": (Needs.REFERENCE, mushra),
}
#: The set that names a system, by this key beside `set`.
WITH_ANCHOR = ("mushra", "anchor")
