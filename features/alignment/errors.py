"""What goes wrong with faces."""


class FaceNotFoundError(ValueError):
    """An image without a face that can be used, or with several; the message says which."""
