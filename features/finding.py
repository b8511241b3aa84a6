"""Image files in folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from vilma._arguments import require_path

# Some of these Pillow reads with a plugin only. A photograph that is named with the reason why it
# cannot be read is better than one that is passed over.
IMAGE_SUFFIXES = frozenset(
    {
        ".avif",
        ".bmp",
        ".gif",
        ".heic",
        ".heif",
        ".jfif",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".jxl",
        ".mpo",
        ".pbm",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    }
)


def find_images(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List image files, looking into folders and their subfolders.

    Parameters
    ----------
    paths : path or iterable of paths
        Files are taken as they are, whatever their ending. In folders, files with the ending
        of a common image format count, in capitals or not; names that start with a dot, and
        links to other folders, are left out.

    Returns
    -------
    list of pathlib.Path
        In the order given, the contents of each folder sorted by path; a file that is met
        again is not repeated. Empty if the folders hold no image.

    Raises
    ------
    FileNotFoundError
        If one of the paths does not exist.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    if not isinstance(paths, Iterable) or isinstance(paths, (bytes, Mapping)):
        raise TypeError(
            f"paths should be a path or several, got {paths!r} of type {type(paths).__name__}."
        )
    paths = list(paths)
    for place, path in enumerate(paths):
        require_path(f"paths[{place}]", path)
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"There is no file or folder {os.fspath(path)!r}.")
        found.update(dict.fromkeys(_images_below(path) if path.is_dir() else [path]))
    return list(found)


def _images_below(folder: Path) -> list[Path]:
    def fail(error: OSError) -> NoReturn:
        raise error  # os.walk would leave out an unreadable folder in silence

    images = []
    for place, subfolders, names in os.walk(folder, onerror=fail):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        images += [
            Path(place, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    return sorted(images, key=lambda image: image.parts)
