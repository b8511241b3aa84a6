"""Losses for ordered labels as plain functions of torch tensors, precise or intervals.

Labels are two tensors of shape (B,), `lower` and `upper`, which are equal for precise labels.
Losses on the real scale take any numbers, losses of classes take indices from 0 on. All return a
mean, with finite gradients whatever the batch, and 0 for a batch that says nothing. Memory is at
most O(B^2) for a batch of B samples.
"""

from vilma.deep.losses._positives import positive_pairs
from vilma.deep.losses._similarity import cosine_logits
from vilma.deep.losses.accon import accon_loss
from vilma.deep.losses.class_statistics import ClassStatistics
from vilma.deep.losses.conr import conr_loss
from vilma.deep.losses.cumulative import (
    clm_log_probabilities,
    clm_loss,
    coral_loss,
    corn_loss,
)
from vilma.deep.losses.fcrc import fcrc_loss
from vilma.deep.losses.interval_l1 import focal_r_loss, interval_l1
from vilma.deep.losses.margins import OrdinalMargin, VariationalMargin
from vilma.deep.losses.multi_head import (
    group_edges,
    group_labels,
    multi_head_loss,
    multi_head_predict,
)
from vilma.deep.losses.pml import pml_loss, progressive_margins
from vilma.deep.losses.rank_contrast import rank_contrast_loss
from vilma.deep.losses.soft_targets import (
    interval_posterior,
    posterior_targets,
    soft_label_loss,
    soft_targets,
)
from vilma.deep.losses.supcon import supcon_loss
from vilma.deep.losses.surrogates import iisvor_exp_loss, iisvor_imc_loss, vilma_loss
from vilma.deep.losses.tables import asymmetric_table, gaussian_table, symmetric_table
from vilma.deep.losses.weights import (
    class_counts,
    inverse_weights,
    lds_weights,
    sample_weights,
    sqrt_inverse_weights,
)

__all__ = [
    "ClassStatistics",
    "OrdinalMargin",
    "VariationalMargin",
    "accon_loss",
    "asymmetric_table",
    "class_counts",
    "clm_log_probabilities",
    "clm_loss",
    "conr_loss",
    "coral_loss",
    "corn_loss",
    "cosine_logits",
    "fcrc_loss",
    "focal_r_loss",
    "gaussian_table",
    "group_edges",
    "group_labels",
    "iisvor_exp_loss",
    "iisvor_imc_loss",
    "interval_l1",
    "interval_posterior",
    "inverse_weights",
    "lds_weights",
    "multi_head_loss",
    "multi_head_predict",
    "pml_loss",
    "positive_pairs",
    "posterior_targets",
    "progressive_margins",
    "rank_contrast_loss",
    "sample_weights",
    "soft_label_loss",
    "soft_targets",
    "sqrt_inverse_weights",
    "supcon_loss",
    "symmetric_table",
    "vilma_loss",
]
