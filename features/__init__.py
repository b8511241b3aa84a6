"""Features of images and tables: what becomes of them before a linear model sees them.

The public names are loaded on first use: a process that only reads images needs none of the rest.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
