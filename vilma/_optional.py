"""Packages that only some users need, imported when they are needed."""

from __future__ import annotations

import importlib
import json
from importlib.metadata import PackageNotFoundError, distribution
from types import ModuleType
from urllib.parse import unquote, urlsplit


def install_command(extra: str) -> str:
    """Return the command that adds an extra, in the way that vilma was installed.

    Parameters
    ----------
    extra : str
        The extra of vilma.

    Returns
    -------
    str
        For a copy of the repository with its folder, whether installed from it or imported in
        place; otherwise with the name of the package.
    """
    try:
        origin = json.loads(distribution("vilma").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        origin = {}
    url = urlsplit(str(origin.get("url", "")))
    if url.scheme != "file":
        return f'pip install "vilma[{extra}]"'
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f'pip install {editable}"{unquote(url.path)}[{extra}]"'


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
    >>> require("no_such_module", "deep", "A pretrained network")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ImportError: A pretrained network needs no_such_module, which cannot be imported (No module \
named 'no_such_module'). Install it with: pip install ...[deep]"
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs {module}, which cannot be imported ({error}). "
            f"Install it with: {install_command(extra)}",
            name=module,
        ) from error
