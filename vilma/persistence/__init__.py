"""Fitted models in files that hold numbers and settings, and nothing that runs."""

from vilma.persistence.model_file import load_model, save_model

__all__ = ["load_model", "save_model"]
