"""Embeddings of pretrained networks as features."""

from vilma.features.deep.adapter import DeepFeatures

__all__ = ["DeepFeatures"]
