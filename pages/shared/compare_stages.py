"""The stages of the Compare page: the comparison asked for, computed once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import streamlit as st

from craft_core import experiment
from craft_core.cluster import Clustering
from craft_core.compare import Comparison, Plan, compare, exchanged_targets, mispair
from craft_core.corpus import Corpus
from craft_core.discrepancy import has_labels, label_columns
from craft_core.estimate import estimate_comparison, sizes_of
from craft_core.progress import Progress
from pages.shared import stages
from pages.shared.expected import Expected
from pages.shared.keeping import PLAIN
from pages.shared.session import current_config
from pages.shared.work import compute, key_of, seconds_of, was_stopped

COMPARE = "Comparing methods"


@dataclass(frozen=True)
class Asked:
    """What the form of the page asked for."""

    plan: Plan
    noise: float


def label_names() -> tuple[str, ...]:
    """Return the label columns that pool and held-out pairs share."""
    loaded = stages.data()
    held = loaded.validation if loaded.test is None else loaded.test
    return tuple(name for name in label_columns(loaded.pool) if has_labels(held, name))


def asked() -> Asked | None:
    """Return what was asked for, None before the first comparison of these data."""
    found: tuple[str, Asked] | None = st.session_state.get("compare_asked")
    return found[1] if found is not None and found[0] == stages.data_key() else None


def ask(plan: Plan, noise: float) -> None:
    """Keep what the form asks for."""
    st.session_state["compare_asked"] = (stages.data_key(), Asked(plan, noise))


def comparison(one: Asked) -> Comparison:
    """Return the comparison; its vectors and the clusters of its first seed are those of the run."""
    loaded, rows, task, config = stages.data(), stages.vectors(), stages.problem(), current_config()
    built = {"vectors": seconds_of(stages.VECTORIZE, stages.vector_key()), "clusters": seconds_of(stages.CLUSTER, stages.problem_key())}
    exchanged = _exchanged(one)

    def work(progress: Progress) -> Comparison:
        def clustering(seed: int) -> Clustering:
            def told(_: float, text: str) -> None:
                progress(0.0, f"{text}, seed {seed:,}")

            return task.clustering if seed == config.seed else experiment.clusters(loaded, rows, config.clustering, seed, told)

        pool, mispaired = (rows.pool, None) if exchanged is None else mispair(rows.pool, exchanged)
        return compare(one.plan, replace(rows, pool=pool), clustering, built, mispaired, progress)

    return compute(COMPARE, _key(one), work, PLAIN, lambda: _expected(one))


def _expected(one: Asked) -> Expected:
    return Expected("comparison", estimate_comparison(one.plan, current_config(), sizes_of(stages.data())))


def is_stopped(one: Asked) -> bool:
    """Return whether the user stopped this comparison and has not asked for it again."""
    return was_stopped(COMPARE, _key(one))


def texts_of(one: Asked) -> Corpus:
    """Return the pool that the methods chose from, with the targets that were exchanged on purpose."""
    pool, exchanged = stages.data().pool, _exchanged(one)
    return pool if exchanged is None else replace(pool, targets=pool.targets.take(pa.array(exchanged)))


def _exchanged(one: Asked) -> np.ndarray | None:
    if not one.noise:
        return None
    pool, how = stages.data().pool, (one.noise, one.plan.label, one.plan.seeds[0])
    return compute("Mispairing", key_of(stages.data_key(), how), lambda progress: exchanged_targets(pool, *how, progress))


def _key(one: Asked) -> str:
    return key_of(stages.problem_key(), one.plan, one.noise)
