"""Small numerical programs that know nothing of labels or data."""
