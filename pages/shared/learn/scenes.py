"""The storyboard: seven scenes in the order the method takes."""

from __future__ import annotations

from pages.shared.learn import cells, inside, maps, more, pool, sharing, stage_two
from pages.shared.learn.story import Scene

SCENES = (
    Scene(
        "The pool",
        "The pool and the validation set",
        "The **pool** holds 4,000 pairs to choose from; the **validation** set holds a few hundred pairs of the kind you care about. Here "
        "each source is a point of a square, and both **laws**, which say how likely a source is at each place, are known exactly.",
        "A random selection looks like the pool, and the Kullback–Leibler divergence (KL) says by how much that misses validation.",
        pool.show,
    ),
    Scene(
        "Cells",
        "Cutting the plane into cells",
        "k-means places n_clusters centers among the sources, and every point belongs to its nearest center: that cuts the plane into "
        "**cells**, our **clusters**. Each cell will be asked for a share of the **budget**, the number of pairs to choose.",
        "A cell's share of the budget is its share of the validation pairs, not of the pool and not of the plane.",
        cells.show,
    ),
    Scene(
        "Sharing",
        "Sharing the budget",
        "A cell's **quota** is the budget times its validation share; its **supply** is what the pool has there. A cell whose quota passes "
        "its supply runs out, and the others take over what it lacks.",
        "The first to run out is the cell with the least supply for its validation share, and with a large budget some cells always do.",
        sharing.show,
    ),
    Scene(
        "Inside a cell",
        "What is left inside a cell",
        "Equal shares still leave a difference inside each cell, and a **residual** bounds it from the cell's diameter D or its spread V. "
        "The assumption is that the log of validation over selection changes by at most **L** for each unit of distance.",
        "Small cells leave little behind; the bound holds if L is large enough, and it is well above the truth.",
        inside.show,
    ),
    Scene(
        "How many cells",
        "More clusters, and why not infinitely many",
        "More clusters are smaller, so less is left inside them. But the shares are counted from M validation pairs, and chance alone "
        "makes them wrong by about (n_clusters − 1) / (2 M) nats: the **noise floor**.",
        "The best n_clusters balances what is left inside against the noise of the shares, and grows with the validation set.",
        more.show,
    ),
    Scene(
        "Stage two",
        "Stage two, and what it narrows",
        "Inside a cell CRAFT takes the pairs whose **targets** are nearest in expectation to the cell's validation targets. That leaves "
        "out misaligned pairs, whose target belongs to another source, but also everything that is unusual and right.",
        "CRAFT's score leaves out misaligned pairs but seeks the middle, so its choice is narrower than validation unless the budget takes "
        "nearly all, and can lie farther from it than a random one; herding, our extension, keeps more of the spread.",
        stage_two.show,
    ),
    Scene(
        "Maps",
        "What UMAP does not show",
        "UMAP draws many dimensions on a plane so that neighbours stay neighbours. Here the data behind the map are known, so what else it "
        "seems to say can be checked.",
        "On a UMAP map trust who is next to whom; widths, distances and clumps need a second look.",
        maps.show,
    ),
)
