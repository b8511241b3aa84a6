"""Fits of one configuration after the other, each in a process of its own, and their tables."""
