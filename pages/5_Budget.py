"""Budget: what another budget would buy, and what of the choice is chance."""

import streamlit as st

from pages.shared import budget_slider, budget_stages, budgets, curves, exchange, room, stages, steadiness

TABS = ["Curves", "Between two budgets", "Cost", "Stability"]

with room.frame("Budget", "What more or fewer pairs would buy: move the slider, and every number follows."):
    with st.container():  # progress is shown in here, so that the slider keeps its place on the page, and its focus
        data, task, found, selector = stages.data(), stages.problem(), budget_stages.every_budget(), budget_stages.selector()
        labels = stages.labels()[0]
        lipschitz = 0.0 if found is None else budgets.lipschitz_now()
    if found is None:
        budgets.needs_ranking()
        st.stop()
    budget, compared = budget_slider.choose(found, selector, task)
    now, then = (found.at(selector.allocate(task, one)) for one in (budget, compared))
    measured = budget_stages.measured_curve_if_ready()
    budgets.answer(now, then, measured, budget_stages.anchors_if_ready())
    bounds = budget_stages.bounds_at(found, (now, then), lipschitz)
    budgets.numbers(now, then, bounds, lipschitz, measured)
    # only the open tab is computed, so that a new budget shows at once
    over, between, cost, chance = st.tabs(TABS, key="budget_tab", on_change="rerun")
    if over.open:
        with over:
            curves.draw(now.allocation.size, then.allocation.size, lipschitz, budgets.exact(now, then, bounds))
    elif between.open:
        with between:
            exchange.exchange(data, found.ranking, now.allocation, then.allocation, labels)
    elif cost.open:
        with cost:
            exchange.costs(found, now, then)
    else:
        with chance:
            steadiness.draw(now.allocation.size, then.allocation.size, lipschitz, labels)
