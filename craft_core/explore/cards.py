"""What is known of a pair, in plain words."""

from __future__ import annotations

from craft_core.explore.why import Why, WhyValidation

__all__ = ["sentences", "validation_sentences"]


def sentences(why: Why, name_of_cluster: str) -> tuple[str, ...]:
    """Return the card of a pool pair in plain words: where it stands, whether and when it is chosen, what it is near to.

    Parameters
    ----------
    why : Why
        What is to be said.
    name_of_cluster : str
        As it follows the word "cluster", such as "12 · fever child".
    """
    if why.cluster < 0:
        return ("In no cluster: one of its sides has no known term, so no method may choose it.",)
    where = f"Rank {why.rank:,} of {why.supply:,}" if why.rank is not None else f"One of {_pairs(why.supply, 'pool')}"
    return (f"{where} in cluster {name_of_cluster}.", *_chosen(why), *_near(why))


def validation_sentences(why: WhyValidation, name_of_cluster: str) -> tuple[str, ...]:
    """Return the card of a validation pair in plain words; `name_of_cluster` as for `sentences`."""
    near = why.nearest_pool
    if why.cluster < 0:
        return ("In no cluster: one of its sides has no known term, so it counts for nothing.",)
    where = f"One of {_pairs(why.validation_count, 'validation')} in cluster {name_of_cluster}."
    gives = f"The cluster gives {why.count:,} of its {_pairs(why.supply, 'pool')}." if why.supply else "No pool pair is in its cluster."
    if not len(near):
        return where, gives
    number = int(why.is_chosen.sum())
    many = f"Of the {_pairs(len(near), 'pool')} nearest by source, {number} {'is' if number == 1 else 'are'} chosen."
    return where, gives, many, f"The nearest is {near.distances[0]:.2f} away by source, {why.nearest_target_distances[0]:.2f} by target."


def _chosen(why: Why) -> tuple[str, ...]:
    """Say whether the pair is chosen, and which budgets take it."""
    gives = f"Chosen: the cluster gives {_pairs(why.count)}."
    if why.entry is None:
        return (gives if why.is_chosen else f"Not chosen at {why.budget:,}.", why.reason)
    if why.entry.enters is None:
        return (f"No budget takes it: {why.reason[0].lower()}{why.reason[1:]}",)
    first, always = why.entry.enters, why.entry.stays
    if first != always:
        return (
            gives if why.is_chosen else f"Not chosen at {why.budget:,}.",
            f"In at some budgets from {first:,}, and always from {always:,}.",
        )
    if not why.is_chosen:
        return (f"Not chosen at {why.budget:,}; enters at budget {first:,}.",)
    return gives, "Every budget takes it." if first == 1 else f"Enters at budget {first:,}; leaves below it."


def _near(why: Why) -> tuple[str, ...]:
    """Say how the pair scores and how far it is from what it should be near to."""
    found = []
    if why.percentile is not None:
        found.append(f"Its score, {why.score:.3g}, is at least that of {why.percentile:.0f} % of the cluster.")
    if why.target_distance is not None:
        found.append(f"Its target is {why.target_distance:.2f} from the cluster's validation targets, in the mean.")
    if len(why.nearest_validation):
        found.append(f"The nearest validation source is {why.nearest_validation.distances[0]:.2f} away.")
    return tuple(found)


def _pairs(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}{' ' if kind else ''}pair{'' if count == 1 else 's'}"
