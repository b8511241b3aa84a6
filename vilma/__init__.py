"""Linear ordinal classification from interval labels, with a certified optimum.

The public names are loaded on first use, so that ``import vilma`` stays cheap.
"""

from pathlib import Path

import lazy_loader

__version__ = "0.1.0"
__getattr__, _, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


# In a checkout that is not installed, vilma/features does not exist: the folder stands beside
# vilma/. Let `vilma.features` be found there, and nowhere else.
_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parent
if (
    not (_HERE / "features").is_dir()
    and (_CHECKOUT / "features" / "__init__.py").is_file()
    and (_CHECKOUT / "setup.py").is_file()
):
    __path__.append(str(_CHECKOUT))
