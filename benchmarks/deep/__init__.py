"""Deep methods and linear ones on faces: on the same embeddings, and on images.

``python -m benchmarks.deep`` runs them.
"""
