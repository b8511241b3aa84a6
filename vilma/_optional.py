"""Packages that only some users need, imported when they are needed."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module of an optional package, or say which extra brings it.

    Parameters
    ----------
    module : str
        The module's name as it is imported, such as ``"torch"``.
    extra : str
        The extra of vilma that installs it, such as ``"deep"``.
    purpose : str
        What needs it: the beginning of the error's sentence.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ImportError
        If the module, or one that it imports, is not installed.

    Examples
    --------
    >>> from vilma._optional import require
    >>> require("no_such_module", "deep", "A pretrained network")
    Traceback (most recent call last):
    ImportError: A pretrained network needs no_such_module, which cannot be imported (No module \
named 'no_such_module'). Install it with: pip install "vilma[deep]"
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs {module}, which cannot be imported ({error}). "
            f'Install it with: pip install "vilma[{extra}]"',
            name=module,
        ) from error
