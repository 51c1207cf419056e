"""The downstream check: a small translation model fine-tuned on each selection. It ranks selections; it does not judge translations."""

from craft_core.finetune.pretraining import Pretrained, pretrain, pretrain_positions
from craft_core.finetune.results import Downstream, MeanDownstream, mean_downstream
from craft_core.finetune.run import finetune_and_score
from craft_core.finetune.settings import FineTuning, need_packages

__all__ = [
    "Downstream",
    "FineTuning",
    "MeanDownstream",
    "Pretrained",
    "finetune_and_score",
    "mean_downstream",
    "need_packages",
    "pretrain",
    "pretrain_positions",
]
