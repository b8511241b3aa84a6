"""Checksums of a folder's files: of small ones as a whole, of large ones block by block.

``checksums.json`` has the SHA-256 digest of every other file of the folder, except of large
``.npy`` files. For each of these there is ``NAME.sums.npy``, one number for every 4 kB of the
file, so that a block can be verified when it is read for the first time, whatever else is read.

The number of a block is the sum of its 64-bit integers. A flipped bit changes it always, and so
does a block that is zeros or comes from elsewhere; it is no protection against intent. Summation
is what reading can afford: numpy sums 60 GB/s, where zlib's CRC-32 does 4 and SHA-256 1.8 GB/s.
Of the CPU time of the first reading of 100 MB in the system's cache it takes 13 % (dense), 8 %
(codes) and 6 % (CSR), where blocks of 16 kB took 18, 11 and 8 %: more was read over at the ends
of pieces. Where the files have to come from the disk it is 3 to 5 % of the waiting. Later
readings pay nothing, and a fit 1 %.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["BlockSums", "Checksums", "write_checksums"]

FILE = "checksums.json"
BLOCK = 1 << 12
_FORMAT = "vilma-checksums-2"
_SUMS = ".sums.npy"
_LARGE = ("codes.npy", "data.npy", "dense.npy", "indices.npy", "indptr.npy")
_AT_ONCE = 1 << 22  # bytes read at a time where a whole file is summed


def sum_blocks(content: np.ndarray) -> np.ndarray:
    """Return the checksum of every block.

    Parameters
    ----------
    content : ndarray of uint8, of shape (n_bytes,)
        From the beginning of a block; the last block may be shorter, and counts as if zeros
        followed.

    Returns
    -------
    ndarray of uint64, of shape (ceil(n_bytes / 4096),)
    """
    missing = -len(content) % BLOCK  # of the last block of a file
    if missing:
        content = np.concatenate([content, np.zeros(missing, np.uint8)])
    return np.add.reduce(content.view("<u8").reshape(-1, BLOCK // 8), axis=1)


class BlockSums:
    """The checksums of one file, and which of its blocks have been verified.

    Parameters
    ----------
    path : Path
        The file.
    n_bytes : int
        Its size.
    sums : ndarray of uint64
        One for each block.
    """

    def __init__(self, path: Path, n_bytes: int, sums: np.ndarray) -> None:
        self._path = path
        self._n_bytes = n_bytes
        self._sums = sums
        self._verified = bytearray(len(sums))  # a byte for each block, asked for in no time

    def __getstate__(self) -> dict[str, Any]:
        # Another process has not read anything yet; and digests do not depend on what was read.
        return {**vars(self), "_verified": len(self._sums)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "_verified": bytearray(state["_verified"])})

    def extend(self, start: int, stop: int) -> tuple[int, int] | None:
        """Return which bytes to read so that these can be verified.

        Parameters
        ----------
        start, stop : int
            The bytes wanted.

        Returns
        -------
        tuple of (int, int) or None
            Whole blocks, but for a first one that has been verified; None where all have been.
        """
        first, last = start // BLOCK, -(-stop // BLOCK)
        new = self._verified.find(0, first, last)
        if new < 0:
            return None
        return first * BLOCK if new == first else start, min(last * BLOCK, self._n_bytes)

    def verify(self, start: int, content: np.ndarray) -> None:
        """Compare what was read of the bytes given by :meth:`extend`.

        Parameters
        ----------
        start : int
            Where the content begins in the file; the rest of a block is passed over.
        content : ndarray of uint8

        Raises
        ------
        ValueError
            If a block is not as it was written.
        """
        first = -(-start // BLOCK)
        content, start = content[first * BLOCK - start :], first * BLOCK
        found = sum_blocks(content)
        last = first + len(found)
        if found.tobytes() != self._sums[first:last].tobytes():
            wrong = start + BLOCK * int(np.argmax(found != self._sums[first:last]))
            raise _damaged(self._path, f"its block of 4 kB from byte {wrong}")
        self._verified[first:last] = b"\1" * len(found)


class Checksums:
    """What ``checksums.json`` says about the files of a folder.

    Parameters
    ----------
    folder : Path
        A folder without the file, as one written by hand, has no checksums: nothing is compared.

    Raises
    ------
    ValueError
        If the file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, list] | None = None
        path = folder / FILE
        if not path.is_file():
            return
        try:
            content = json.loads(path.read_bytes())
            files = content["files"]
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']!r}, expected {_FORMAT!r}")
            if content["sha256"] != _digest(_canonical(files)):
                raise ValueError("its own checksum is wrong")
            self._files = {str(name): [int(size), str(sha)] for name, (size, sha) in files.items()}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path} is damaged ({error}). Write the folder again.") from error

    def verify(self, names: Iterable[str]) -> None:
        """Compare whole files.

        Parameters
        ----------
        names : iterable of str
            Files that are missing, or were added by others, are left to the reader.

        Raises
        ------
        ValueError
            If one is not as it was written.
        """
        for name in names:
            path = self._folder / name
            if self._files is None or name not in self._files or not path.exists():
                continue
            if self._files[name] != [path.stat().st_size, _digest(path.read_bytes())]:
                raise _damaged(path, "it")

    def of_blocks(self, name: str) -> BlockSums | None:
        """Return the checksums of a large file's blocks, None where there are none.

        Parameters
        ----------
        name : str

        Returns
        -------
        BlockSums or None

        Raises
        ------
        ValueError
            If they are damaged, or the file has another size.
        """
        if self._files is None:
            return None
        path = self._folder / name
        self.verify([name + _SUMS])
        if name not in self._files or name + _SUMS not in self._files:
            raise _damaged(self._folder / FILE, f"what it says about {name}")
        n_bytes = self._files[name][0]
        if path.stat().st_size != n_bytes:
            raise _damaged(path, f"its size of {n_bytes:,} bytes")
        sums = np.load(self._folder / (name + _SUMS), allow_pickle=False)
        return BlockSums(path, n_bytes, sums)


def write_checksums(folder: Path) -> None:
    """Write the checksums of all files of a folder.

    Parameters
    ----------
    folder : Path
        Complete, but for them.
    """
    for stale in (*folder.glob(f"*{_SUMS}"), folder / FILE):
        stale.unlink(missing_ok=True)
    for name in _LARGE:
        if (folder / name).exists():
            np.save(folder / (name + _SUMS), _sums_of_file(folder / name))
    files = {
        path.name: [path.stat().st_size, "" if path.name in _LARGE else _digest(path.read_bytes())]
        for path in sorted(folder.iterdir())
    }
    content = {"format": _FORMAT, "files": files, "sha256": _digest(_canonical(files))}
    (folder / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _sums_of_file(path: Path) -> np.ndarray:
    sums = []
    with path.open("rb") as file:
        while content := file.read(_AT_ONCE):
            sums.append(sum_blocks(np.frombuffer(content, np.uint8)))
    return np.concatenate(sums)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(files: Any) -> bytes:
    return json.dumps(files, sort_keys=True).encode()


def _damaged(path: Path, what: str) -> ValueError:
    return ValueError(
        f"{path} is damaged: {what} has changed since it was written. Write the folder again, by "
        "the command or the program that made it."
    )
