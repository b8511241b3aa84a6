"""The experiments of the paper, and comparisons on real interval labels."""
