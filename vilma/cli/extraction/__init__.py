"""Images to features: read ahead, computed batch by batch, kept through a kill."""
