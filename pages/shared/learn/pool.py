"""Scene 1: the pool and the validation set."""

from __future__ import annotations

import numpy as np
import streamlit as st

from craft_core.bound import kl_divergence
from craft_core.figures import laws_figure
from craft_core.toy import Setting
from pages.shared import views
from pages.shared.learn import story, toys

_STEPS = (1.0, 1.25, 1.6, 2.0)  # times, the lower ends of the answers
_OPTIONS = ("less than 1.25 times", "1.25 to 1.6 times", "1.6 to 2 times", "more than twice")


def show(seed: int) -> bool:
    """Draw two known laws and ask how far apart they are."""
    picture, talk = story.halves()
    with talk:
        shift = st.slider(
            "How far validation lies from the bulk of the pool",
            0.0,
            1.0,
            0.7,
            0.05,
            key="shift",
            bind="query-params",
            help="0: validation lies where most of the pool is. 1: it lies in the far corner.",
        )
    world = toys.world(Setting(shift=round(shift, 2), seed=seed))
    state = story.state_of(1, shift, seed)
    revealed = story.is_revealed(state)
    with picture:
        views.plot(
            laws_figure(world, revealed, dark=views.is_dark()),
            "The unit square with pool pairs, validation pairs, and "
            + ("colours for how many times as often validation visits a place." if revealed else "contour lines of both laws."),
            "plane",
            toys.blocks(world),
        )
        st.caption(
            "Blue: the pool has more of it than validation wants. Orange: it has less."
            if revealed
            else "Each mark is the source of a pair. Lines of equal height show the laws they were drawn from: grey the pool, "
            "orange validation."
        )
    kl = kl_divergence(world.wanted.masses, world.offered.masses)
    with talk:
        return story.predict(
            story.Question(
                "A random selection looks like the pool. Where validation likes to be, how many times as often is it there as the random "
                "selection, on average?",
                _OPTIONS,
                (sum(np.exp(kl) >= step for step in _STEPS) - 1,),
                f"**{np.exp(kl):.2f} times**, as a geometric mean over validation. Its logarithm is the divergence KL(validation ‖ random "
                f"selection): **{kl:.3f} nats**, the unit of natural logarithms, found here by numerical integration over the square. At "
                "0 nats the two laws would be equal.",
            ),
            state,
        )
