"""What scikit-learn's tools of model selection cannot do with ordered and interval labels."""

from vilma.model_selection.out_of_fold import cross_val_predict
from vilma.model_selection.positions import PositionsClassifier

__all__ = ["PositionsClassifier", "cross_val_predict"]
