"""Two hundred image files of the kinds that break programs, with what should become of them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a.T, 2),
    8: np.rot90,
}
_JPEG = {"quality": 95}


@dataclass(frozen=True)
class Hostile:
    """A file and its fate.

    Attributes
    ----------
    name : str
    content : bytes
    pixels : ndarray of uint8 of shape (height, width) or None
        What it shows, in grey; None if that is not known exactly.
    reason : str or None
        A regular expression for why it cannot be read; None if it can, or may.
    may_fail : bool
        Whether either fate is right: a file may be cut behind the last pixel.
    """

    name: str
    content: bytes
    pixels: np.ndarray | None = None
    reason: str | None = None
    may_fail: bool = False


def write_hostile_folder(folder: Path) -> list[Hostile]:
    """Write 200 files; the same each time.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Hostile
    """
    rng = np.random.default_rng(0)
    files = [file for kind in _KINDS for file in kind(rng)]
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return files


def _grey(rng: np.random.Generator) -> np.ndarray:
    height, width = rng.integers(30, 90, 2)
    return rng.integers(0, 256, (height, width), dtype=np.uint8)


def _encode(image: np.ndarray | Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(stream, kind, **options)
    return stream.getvalue()


def _decoded(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image.convert("L"))


def _plain(rng) -> Iterator[Hostile]:
    for kind, ending in (("PNG", "png"), ("BMP", "BMP"), ("TIFF", "tif"), ("PPM", "pgm")):
        for number in range(3):
            grey = _grey(rng)
            yield Hostile(f"plain/{number}.{ending}", _encode(grey, kind), grey)
    for number in range(3):
        content = _encode(_grey(rng), "JPEG", **_JPEG)
        yield Hostile(f"plain/{number}.jpg", content, _decoded(content))


def _truncated(rng) -> Iterator[Hostile]:
    for kind, ending in (("JPEG", "jpg"), ("PNG", "png"), ("TIFF", "tif"), ("GIF", "gif"),
                         ("WEBP", "webp"), ("BMP", "bmp")):  # fmt: skip
        whole = _encode(_grey(rng), kind)
        for number, share in enumerate((0.02, 0.3, 0.6, 0.9)):
            cut = whole[: max(3, int(share * len(whole)))]
            # The last rows of an uncompressed file may be padding, and GIF has no checks.
            certain = kind in ("JPEG", "PNG", "WEBP")
            yield Hostile(
                f"truncated/{number}.{ending}",
                cut,
                reason="Cannot read" if certain else None,
                may_fail=not certain,
            )
        yield Hostile(f"truncated/end.{ending}", whole[:-1], may_fail=True)


def _empty(rng) -> Iterator[Hostile]:
    for ending in ("jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "webp", "ppm", "heic"):
        yield Hostile(f"empty.{ending}", b"", reason="the file is empty")


def _misnamed(rng) -> Iterator[Hostile]:
    for kind, ending in (("PNG", "jpg"), ("TIFF", "png"), ("BMP", "gif"), ("PPM", "webp"),
                         ("PNG", "heic"), ("PNG", "tiff")):  # fmt: skip
        for number in range(2):
            grey = _grey(rng)
            yield Hostile(f"misnamed/{kind}{number}.{ending}", _encode(grey, kind), grey)


def _cmyk(rng) -> Iterator[Hostile]:
    for number, ink in enumerate(
        ((0, 0, 0, 0), (0, 0, 0, 255), (255, 255, 255, 255), (9, 9, 9, 9))
    ):
        image = Image.new("CMYK", (40, 50), ink)
        jpeg = _encode(image, "JPEG", **_JPEG)
        yield Hostile(f"cmyk/{number}.jpg", jpeg, _decoded(jpeg))
        yield Hostile(f"cmyk/{number}.tif", _encode(image, "TIFF"), np.array(image.convert("L")))


def _deep(rng) -> Iterator[Hostile]:
    for kind, ending in (("PNG", "png"), ("TIFF", "tif"), ("PPM", "pgm")):
        for number in range(4):
            grey = _grey(rng)
            deep = grey.astype(np.uint16) * 256 + rng.integers(0, 256, grey.shape).astype(
                np.uint16
            )
            yield Hostile(f"deep/{number}.{ending}", _encode(deep, kind), grey)


def _without_range(rng) -> Iterator[Hostile]:
    for dtype in (np.float32, np.int32):
        for number in range(2):
            content = _encode(_grey(rng).astype(dtype), "TIFF")
            name = f"without_range/{dtype.__name__}{number}.tif"
            yield Hostile(name, content, reason="no fixed range")


def _palette(rng) -> Iterator[Hostile]:
    for number in range(8):
        levels = rng.permutation(256).astype(np.uint8)
        indices = _grey(rng)
        image = Image.fromarray(indices).convert("P")
        image.putpalette(np.repeat(levels, 3).tolist())
        image.putdata(indices.ravel().tolist())
        shown = levels[indices]
        if number % 2:
            shown = np.where(indices == number, 255, shown).astype(np.uint8)
            yield Hostile(
                f"palette/{number}.png", _encode(image, "PNG", transparency=number), shown
            )
        else:
            yield Hostile(f"palette/{number}.png", _encode(image, "PNG"), shown)


def _transparent(rng) -> Iterator[Hostile]:
    for number in range(6):
        grey = _grey(rng)
        opaque = rng.random(grey.shape) < 0.5
        shown = np.where(opaque, grey, 255).astype(np.uint8)
        alpha = (255 * opaque).astype(np.uint8)
        channels = [grey, alpha] if number % 2 else [grey, grey, grey, alpha]
        yield Hostile(f"alpha/{number}.png", _encode(np.stack(channels, -1), "PNG"), shown)


def _turned(rng) -> Iterator[Hostile]:
    for orientation, upright in UPRIGHT.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind, ending in (("PNG", "png"), ("JPEG", "jpg")):
            content = _encode(_grey(rng), kind, exif=exif)
            yield Hostile(f"turned/{orientation}.{ending}", content, upright(_decoded(content)))


def _huge(rng) -> Iterator[Hostile]:
    for width, height in ((9_500, 9_500), (13_000, 13_000), (90_000_000, 1), (1, 200_000_000),
                          (2**31 - 1, 2**31 - 1), (60_000, 60_000)):  # fmt: skip
        yield Hostile(f"huge/{width}.png", _png_claiming(width, height), reason="it has more than")
    small = Image.new("1", (9_500, 9_500))
    yield Hostile("huge/real.png", _encode(small, "PNG"), reason="it has more than 89,478,485")
    yield Hostile("huge/long.png", _encode(np.full((1, 60_000), 7, np.uint8), "PNG"),
                  np.full((1, 60_000), 7, np.uint8))  # fmt: skip


def _png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


def _one_pixel(rng) -> Iterator[Hostile]:
    kinds = {"PNG": "png", "BMP": "bmp", "TIFF": "tif", "PPM": "pgm", "GIF": "gif", "JPEG": "jpg"}
    for level, (kind, ending) in enumerate(kinds.items()):
        content = _encode(np.array([[40 * level + 3]], dtype=np.uint8), kind)
        yield Hostile(f"pixel/one.{ending}", content, _decoded(content))


def _animated(rng) -> Iterator[Hostile]:
    for number in range(3):
        for kind, ending in (("GIF", "gif"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif")):
            level = int(rng.integers(0, 256))
            frames = [Image.new("L", (30, 40), value) for value in (level, 255 - level, 128)]
            options = {"lossless": True} if kind == "WEBP" else {}
            content = _encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
            yield Hostile(
                f"animated/{number}.{ending}", content, np.full((40, 30), level, np.uint8)
            )


def _not_images(rng) -> Iterator[Hostile]:
    contents = [
        b"file,label\na.jpg,31\n",
        b"<!DOCTYPE html><html><body>404</body></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"{}",
        b"PK\x03\x04" + bytes(40),
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b"\x7fELF" + bytes(60),
        b"\0",
        b"\xff",
        bytes(5000),
        b"\n" * 300,
        b"\xef\xbb\xbfhello",
        rng.bytes(3),
        rng.bytes(100),
        rng.bytes(100_000),
    ]
    for number, content in enumerate(contents):
        ending = ("jpg", "png", "tif")[number % 3]
        name = f"not_an_image/{number}.{ending}"
        yield Hostile(name, content, reason="not an image, or of an unknown format")
    for magic, ending in ((b"\xff\xd8\xff\xe0", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"),
                          (b"II*\0", "tif"), (b"GIF89a", "gif"), (b"RIFF\0\0\0\0WEBP", "webp"),
                          (b"BM", "bmp"), (b"P5\n", "pgm")):  # fmt: skip
        yield Hostile(f"magic_only/{ending}.{ending}", magic, reason="Cannot read")
        yield Hostile(f"magic_only/more.{ending}", magic + rng.bytes(500), reason="Cannot read")


def _damaged(rng) -> Iterator[Hostile]:
    for kind, ending in (("JPEG", "jpg"), ("PNG", "png"), ("TIFF", "tif"), ("WEBP", "webp"),
                         ("GIF", "gif")):  # fmt: skip
        for number in range(3):
            content = bytearray(_encode(_grey(rng), kind))
            for place in rng.integers(10, len(content), 20):
                content[place] = rng.integers(0, 256)
            yield Hostile(f"damaged/{number}.{ending}", bytes(content), may_fail=True)


def _damaged_exif(rng) -> Iterator[Hostile]:
    for number, exif in enumerate(
        (b"garbage", b"II*\0\x08\0\0\0\xff\xff\x12\x01", b"MM\0*\xff\xff\xff\xff")
    ):
        grey = _grey(rng)
        yield Hostile(f"damaged_exif/{number}.png", _encode(grey, "PNG", exif=exif), grey)


def _strangely_named(rng) -> Iterator[Hostile]:
    for name in ("with space", "comma,comma", 'quo"te', "snowman ☃", "percent%20", "semi;colon"):
        grey = _grey(rng)
        yield Hostile(f"names/{name}.png", _encode(grey, "PNG"), grey)


_KINDS = (
    _plain,
    _truncated,
    _empty,
    _misnamed,
    _cmyk,
    _deep,
    _without_range,
    _palette,
    _transparent,
    _turned,
    _huge,
    _one_pixel,
    _animated,
    _not_images,
    _damaged,
    _damaged_exif,
    _strangely_named,
)
