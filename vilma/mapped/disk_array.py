"""Arrays in files, read by plain file reads.

Pages of a memory map that were touched count as the process's memory until the system takes them
back; what is read here counts only as long as it is kept.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from vilma.mapped.checksums import BLOCK, BlockSums

__all__ = ["DiskArray", "Source"]

Source = str | os.PathLike[str] | np.memmap


@dataclass(frozen=True)
class DiskArray:
    """An array in C order that begins at a byte of a file.

    Attributes
    ----------
    path : Path
        The file, by its absolute path: the array can be pickled and read in another process.
    dtype : dtype
        As stored, in any byte order.
    shape : tuple of int
    offset : int
        First byte of the array in the file.
    sums : BlockSums or None
        Checksums of the file's blocks, which are verified as they are read for the first time.
    """

    path: Path
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int
    sums: BlockSums | None = None

    @classmethod
    def of(cls, source: Source, sums: BlockSums | None = None) -> DiskArray:
        """Find the array of a ``.npy`` file or of a memory map.

        Parameters
        ----------
        source : path or numpy.memmap
            A map is used by the file it was made of; it must be the whole map and no part of it.
        sums : BlockSums, optional
            Checksums of the file.

        Returns
        -------
        DiskArray

        Raises
        ------
        ValueError
            If the file is no ``.npy`` file, is cut short, or its array is in Fortran order.
        TypeError
            If the array holds Python objects, or the source is something else.
        FileNotFoundError
            If there is no such file.
        """
        if isinstance(source, np.memmap):
            array = cls._of_map(source)
        elif isinstance(source, (str, os.PathLike)):
            array = cls._of_file(Path(source).absolute(), sums)
        else:
            raise TypeError(
                "Expected the path of a .npy file or a numpy.memmap, got "
                f"{type(source).__name__}. numpy.save writes such files."
            )
        array._check_size()
        return array

    @classmethod
    def _of_file(cls, path: Path, sums: BlockSums | None) -> DiskArray:
        with path.open("rb") as file:
            if sums is not None:
                sums.verify(0, np.frombuffer(file.read(BLOCK), np.uint8))
                file.seek(0)
            try:
                version = np.lib.format.read_magic(file)
                reader = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }[version]
                shape, fortran, dtype = reader(file)
            except (ValueError, KeyError) as error:
                raise ValueError(
                    f"{path} is not a readable .npy file ({error}). Write it by numpy.save."
                ) from error
            offset = file.tell()
        if dtype.hasobject:
            raise TypeError(f"{path} holds Python objects; expected numbers.")
        if fortran and len(shape) > 1:
            raise ValueError(
                f"{path} is in Fortran order, so its rows cannot be read one after the other. "
                "Save numpy.ascontiguousarray(X) instead."
            )
        return cls(path, dtype, shape, offset, sums)

    @classmethod
    def _of_map(cls, source: np.memmap) -> DiskArray:
        # A part of a map keeps the offset of the whole, so its place in the file is not known.
        whole = isinstance(source.base, mmap.mmap) and source.flags.c_contiguous
        if source.filename is None or not whole:
            raise ValueError(
                "The numpy.memmap is a part of another, in Fortran order, or of no named file. "
                "Pass the whole map in C order, then select rows of the MappedMatrix."
            )
        path = Path(source.filename).absolute()
        return cls(path, source.dtype, source.shape, int(source.offset))

    def __getstate__(self) -> dict[str, Any]:
        # Two pickles, and so their digests, differ when the file was written between them.
        status = self.path.stat()
        return {**vars(self), "written": (status.st_size, status.st_mtime_ns)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({key: value for key, value in state.items() if key != "written"})

    def _check_size(self) -> None:
        expected = self.offset + self.nbytes
        found = self.path.stat().st_size
        if found < expected:
            raise ValueError(
                f"{self.path} is cut short: an array of shape {self.shape} and dtype "
                f"{self.dtype} needs {expected} bytes, the file has {found}. Write it again."
            )

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize  # a damaged header may overflow int64

    @property
    def row_bytes(self) -> int:
        """Size of one entry along the first axis, in bytes."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def read(self) -> np.ndarray:
        """Read all of it.

        Returns
        -------
        ndarray
            In the machine's byte order.
        """
        with self.reader() as read:
            return read(0, self.shape[0])

    @contextmanager
    def reader(self) -> Iterator[Callable[[int, int], np.ndarray]]:
        """Open the file for one reading after the other.

        Yields
        ------
        callable
            Maps ``start, stop`` to these entries along the first axis, in the machine's byte
            order. They are valid until the next call, which may use their memory again. OSError
            is raised if the file cannot be read or has become shorter.
        """
        buffer = np.empty(0, np.uint8)
        with self.path.open("rb", buffering=0) as file:

            def read(start: int, stop: int) -> np.ndarray:
                nonlocal buffer
                begin = self.offset + start * self.row_bytes
                end = begin + (stop - start) * self.row_bytes
                unverified = None if self.sums is None else self.sums.extend(begin, end)
                first, last = unverified or (begin, end)
                if len(buffer) < last - first:
                    # What is read to verify it makes the pieces differ in size.
                    buffer = np.empty(last - first + 2 * BLOCK, np.uint8)
                content = buffer[: last - first]
                file.seek(first)
                self._fill(file, content.data)
                if self.sums is not None and unverified is not None:
                    self.sums.verify(first, content)
                piece = content[begin - first : end - first].view(self.dtype)
                piece = piece.reshape(stop - start, *self.shape[1:])
                return piece.astype(self.dtype.newbyteorder("="), copy=False)

            yield read

    def _fill(self, file: FileIO, left: memoryview) -> None:
        while left:
            count = file.readinto(left)
            if not count:
                raise OSError(f"{self.path} has become shorter: {len(left)} bytes are missing.")
            left = left[count:]
