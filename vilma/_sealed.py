"""Zip archives that end in a digest of all their bytes.

The digest stands in the comment of the archive, so that every program that reads zip archives,
``numpy.load`` among them, reads these as well. Any change of any byte is noticed, also of those
that checksums of single members do not cover.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zipfile
from collections.abc import Mapping
from typing import BinaryIO

__all__ = ["pack", "seal", "unpack", "verify_seal"]

_END = struct.Struct("<4s4H2LH")  # the end of the central directory, by the zip specification
_MARK = b"sha256:"
_COMMENT_BYTES = len(_MARK) + 2 * hashlib.sha256().digest_size
_BEGINNING = (1980, 1, 1, 0, 0, 0)  # the same members make the same bytes, at any time
_PIECE = 1 << 20


def seal(archive: BinaryIO) -> None:
    """Put the digest of a zip archive into its comment.

    Parameters
    ----------
    archive : binary file, open for reading and writing
        A zip archive without a comment. It gets the comment ``sha256:`` and 64 hexadecimal
        digits, those of all bytes before the comment.

    Raises
    ------
    ValueError
        If it is no zip archive, or has a comment.
    """
    size = archive.seek(0, os.SEEK_END)
    archive.seek(max(size - _END.size, 0))
    *rest, comment_bytes = _END.unpack(archive.read(_END.size).rjust(_END.size))
    if rest[0] != b"PK\x05\x06" or comment_bytes:
        raise ValueError("Expected a zip archive without a comment.")
    archive.seek(size - _END.size)
    archive.write(_END.pack(*rest, _COMMENT_BYTES))
    digest = _digest(archive, size)
    archive.seek(size)
    archive.write(_MARK + digest.encode())


def verify_seal(archive: BinaryIO) -> None:
    """Refuse an archive that is not as it was sealed.

    Parameters
    ----------
    archive : binary file, open for reading
        Its position is at the beginning afterwards.

    Raises
    ------
    ValueError
        If there is no seal, or bytes have changed since.
    """
    size = archive.seek(0, os.SEEK_END) - _COMMENT_BYTES
    archive.seek(max(size, 0))
    comment = archive.read()
    if not comment.startswith(_MARK):
        raise ValueError("it does not end in its checksum: it is cut short, or another file")
    if comment != _MARK + _digest(archive, size).encode():
        raise ValueError("its checksum is wrong: bytes have changed since it was written")
    archive.seek(0)


def _digest(file: BinaryIO, size: int) -> str:
    """Hash the first bytes of a file."""
    digest = hashlib.sha256()
    file.seek(0)
    while size:
        piece = file.read(min(size, _PIECE))
        if not piece:
            raise OSError(f"{size} bytes are missing at the end.")
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest()


def pack(members: Mapping[str, bytes], stream: BinaryIO) -> None:
    """Write a sealed archive.

    Parameters
    ----------
    members : mapping of str to bytes
        Contents by name. They are stored as they are, without compression, and the same members
        make the same bytes at any time.
    stream : binary file, open for reading and writing
    """
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _BEGINNING)
            info.create_system = 3  # else it is that of the machine
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    seal(stream)


def unpack(stream: BinaryIO) -> dict[str, bytes]:
    """Return the members of an archive that :func:`pack` has written.

    Parameters
    ----------
    stream : binary file, open for reading

    Returns
    -------
    dict of str to bytes

    Raises
    ------
    ValueError
        If the seal is broken, or a member compressed: only what is stored as it is cannot be
        larger than the file.
    zipfile.BadZipFile
        If it is no zip archive.
    """
    archive = io.BytesIO(stream.read())  # what is verified is what is read
    verify_seal(archive)
    with zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                raise ValueError(f"its member {entry.filename!r} is compressed")
        if len({entry.filename for entry in entries}) < len(entries):
            raise ValueError("it has two members of one name")
        if sum(entry.file_size for entry in entries) > len(archive.getbuffer()):
            raise ValueError("its members overlap")
        return {entry.filename: opened.read(entry) for entry in entries}
