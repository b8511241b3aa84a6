"""What scikit-learn's tools of model selection cannot do with interval labels."""

from vilma.model_selection.out_of_fold import cross_val_predict

__all__ = ["cross_val_predict"]
