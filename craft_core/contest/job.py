"""Everything that decides a comparison on files, and the stages that make it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from craft_core.arrays import BoolVector
from craft_core.cluster import Clustering
from craft_core.compare import Comparison, Plan, Trial, compare, exchanged_targets, mispair
from craft_core.config import ExperimentConfig
from craft_core.corpus import Corpus
from craft_core.discrepancy import has_labels
from craft_core.errors import ParameterError
from craft_core.experiment import LoadedData, clusters, encode, load, open_files
from craft_core.finetune import FineTuning, finetune_and_score, need_packages, pretrain, pretrain_positions
from craft_core.progress import Progress, part, silent
from craft_core.vectorize import Vectors

__all__ = ["Job", "Outcome", "run_job"]


@dataclass(frozen=True)
class Job:
    """Say what is compared, on which files.

    Attributes
    ----------
    config : ExperimentConfig
        Data, cleaning, vectorizer and clusters; its selector and budget are not used, its seed is the first of the plan.
    plan : Plan
        Methods, budgets and seeds.
    noise : float
        Share of the pool's pairs that exchange targets, within a label where the plan names a label column.
    finetune : FineTuning or None
        The downstream check; None leaves it out.

    Raises
    ------
    ParameterError
        If the noise is no share, or the check is asked for without what it needs.
    """

    config: ExperimentConfig
    plan: Plan
    noise: float = 0.0
    finetune: FineTuning | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.noise <= 1:
            raise ParameterError(f"The noise must be a share in [0, 1] of the pool's pairs. Got {self.noise!r}.")
        if self.finetune is not None:
            need_packages()
            if self.config.data.test is None:
                raise ParameterError("The downstream check needs a test set that no method chose with. Give one with --test.")


@dataclass(frozen=True, eq=False)
class Outcome:
    """Hold a finished comparison.

    Attributes
    ----------
    job : Job
        What was asked.
    data : LoadedData
        What it worked on; the pool as it is, without noise.
    found : Comparison
        What came out.
    baseline : dict of str to float
        What the small model scores before any fine-tuning; empty where it was not asked for.
    """

    job: Job
    data: LoadedData
    found: Comparison
    baseline: dict[str, float] = field(default_factory=dict)


def run_job(job: Job, folder: Path | None = None, progress: Progress = silent) -> Outcome:
    """Load, vectorize, cluster, let every method choose, measure, and fine-tune if that is asked for.

    Parameters
    ----------
    job : Job
        What to do.
    folder : Path or None
        Where pre-trained models and finished fine-tunings are kept, so that an interrupted comparison goes on where it stopped.
    progress : Progress
        Called between chunks; raising from it cancels.
    """
    config, ends = job.config, (0.05, 0.3, 1.0) if job.finetune is None else (0.01, 0.05, 0.15)
    data = load(open_files(config.data), config.columns, config.limits, config.cleaning, part(progress, 0.0, ends[0]))
    _check_label(job.plan, data)
    with _Clock() as clock:
        vectors = encode(data, config.vectorizer, config.seed, part(progress, ends[0], ends[1]))
    built = {"vectors": clock.seconds}
    with _Clock() as clock:
        first = clusters(data, vectors, config.clustering, job.plan.seeds[0])
    built["clusters"] = clock.seconds

    def clustering(seed: int) -> Clustering:
        return first if seed == job.plan.seeds[0] else clusters(data, vectors, config.clustering, seed)

    vectors, mispaired = _noisy(job, data, vectors)
    found = compare(job.plan, vectors, clustering, built, mispaired, part(progress, ends[1], ends[2]))
    if job.finetune is None:
        return Outcome(job, data, found)
    return _finetuned(job, data, found, vectors, folder, part(progress, ends[2], 1.0))


def _check_label(plan: Plan, data: LoadedData) -> None:
    held = data.validation if data.test is None else data.test
    for corpus in (data.pool, held) if plan.label is not None else ():
        if not has_labels(corpus, plan.label or ""):
            there = ", ".join(corpus.columns.column_names) or "none"
            raise ParameterError(f"The {corpus.name} has no label column '{plan.label}'. Further columns: {there}.")


def _noisy(job: Job, data: LoadedData, vectors: Vectors) -> tuple[Vectors, BoolVector | None]:
    if not job.noise:
        return vectors, None
    pool, mispaired = mispair(vectors.pool, exchanged_targets(data.pool, job.noise, job.plan.label, job.plan.seeds[0]))
    return replace(vectors, pool=pool), mispaired


def _finetuned(job: Job, data: LoadedData, found: Comparison, vectors: Vectors, folder: Path | None, progress: Progress) -> Outcome:
    """Fine-tune the same small model on every selection; a method that ran with one seed is fine-tuned with all of them."""
    settings, seeds = job.finetune or FineTuning(), job.plan.seeds
    pool, test = vectors.pool.texts or data.pool, data.test or data.validation
    others = pretrain_positions(settings, pool, seeds[0], job.plan.label, _labels(data.validation, job.plan.label))
    model = pretrain(settings, pool, others, seeds[0], folder, part(progress, 0.0, 0.1))
    plain = finetune_and_score(model, settings, pool.take(np.zeros(0, dtype=np.int64)), test, seeds[0], folder)
    fits = [(trial, seed) for trial in found.trials for seed in (seeds if _runs_once(found, trial) else (trial.seed,))]
    scored: dict[tuple[str, int, int], list[tuple[float, float]]] = {}
    for number, (trial, seed) in enumerate(fits):
        now = part(progress, 0.1 + 0.9 * number / len(fits), 0.1 + 0.9 * (number + 1) / len(fits))
        one = finetune_and_score(model, settings, pool.take(trial.chosen), test, seed, folder, _named(now, trial))
        scored.setdefault((trial.method, trial.budget, trial.seed), []).append((one.nll, one.chrf))
    trials = []
    for trial in found.trials:
        nll, chrf = np.mean(scored[trial.method, trial.budget, trial.seed], axis=0)
        trials.append(replace(trial, marks={**trial.marks, "nll": float(nll), "model_chrf": float(chrf)}))
    return Outcome(job, data, replace(found, trials=tuple(trials)), {"nll": plain.nll, "model_chrf": plain.chrf})


def _runs_once(found: Comparison, trial: Trial) -> bool:
    return len(found.of(trial.method, trial.budget)) < len(found.plan.seeds)


def _named(progress: Progress, trial: Trial) -> Callable[[float, str], None]:
    return lambda share, text: progress(share, f"{trial.method}, {trial.budget:,} pairs: {text}")


def _labels(corpus: Corpus, label: str | None) -> tuple[str, ...]:
    """Return the labels that pre-training leaves out, so that the model meets what is wanted in the selections alone."""
    if label is None or label not in corpus.columns.column_names:
        return ()
    return tuple(sorted({str(one) for one in corpus.columns.column(label).to_pylist() if one is not None}))


class _Clock:
    """Seconds between entering and leaving."""

    def __enter__(self) -> _Clock:
        self.start, self.seconds = time.perf_counter(), 0.0
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.start
