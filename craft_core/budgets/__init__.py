"""What another budget would buy: rank once, and every budget is an allocation plus prefixes."""

from craft_core.budgets.anchors import energy_anchors
from craft_core.budgets.between import Between, between
from craft_core.budgets.cost import Cost, Price, cost
from craft_core.budgets.curve import CURVES, BudgetCurve, budget_curve, budget_grid
from craft_core.budgets.knee import KNEE_RULE, knee
from craft_core.budgets.lookup import looked_up_curve, share_curve
from craft_core.budgets.prefixes import EXACT_ROWS, BudgetNumbers, Prefixes, budget_for_tokens, covered_supply, prefixes

__all__ = [
    "CURVES",
    "EXACT_ROWS",
    "KNEE_RULE",
    "Between",
    "BudgetCurve",
    "BudgetNumbers",
    "Cost",
    "Prefixes",
    "Price",
    "between",
    "budget_curve",
    "budget_for_tokens",
    "budget_grid",
    "cost",
    "covered_supply",
    "energy_anchors",
    "knee",
    "looked_up_curve",
    "prefixes",
    "share_curve",
]
