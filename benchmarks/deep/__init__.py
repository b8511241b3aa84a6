"""Deep methods and linear ones on the same embeddings of faces.

``python -m benchmarks.deep`` runs them.
"""
