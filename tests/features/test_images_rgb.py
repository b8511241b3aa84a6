"""Reading in colour, and what may be wrong with files besides their pixels."""

import os
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from vilma.features import ImageReadError, find_images, read_image, read_rgb

GREY = np.array([[0, 10, 200], [255, 128, 7]], dtype=np.uint8)
COLOUR = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)


def save(path, image, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def assert_reads(path, expected):
    actual = read_rgb(path)
    assert actual.dtype == np.uint8
    assert actual.flags.writeable
    assert_array_equal(actual, expected)
    # grey is the same image made grey
    assert_array_equal(read_image(path), np.array(Image.fromarray(actual).convert("L")))


def thrice(grey):
    return np.stack([grey] * 3, axis=-1)


def test_colours(tmp_path):
    assert_reads(save(tmp_path / "rgb.png", COLOUR), COLOUR)
    assert_reads(str(save(tmp_path / "rgb.webp", COLOUR, lossless=True)), COLOUR)


def test_grey_becomes_three_equal_channels(tmp_path):
    assert_reads(save(tmp_path / "grey.png", GREY), thrice(GREY))
    assert_reads(save(tmp_path / "one_bit.png", GREY > 9), thrice(255 * (GREY > 9)))
    deep = GREY.astype(np.uint16) * 256 + 99
    for name in ("deep.png", "deep.tif", "deep.pgm"):
        assert_reads(save(tmp_path / name, deep), thrice(GREY))


def test_palette(tmp_path):
    image = Image.new("P", (3, 1))
    image.putpalette([9, 80, 7, 250, 0, 1, 40, 30, 20])
    image.putdata([0, 1, 2])
    expected = [[[9, 80, 7], [250, 0, 1], [40, 30, 20]]]
    assert_reads(save(tmp_path / "palette.png", image), expected)
    expected[0][1] = [255, 255, 255]
    assert_reads(save(tmp_path / "key.gif", image, transparency=1), expected)


def test_transparent_pixels_are_blended_with_white(tmp_path):
    rgba = np.array([[[200, 100, 0, 255], [9, 9, 9, 0], [0, 55, 255, 51]]], dtype=np.uint8)
    expected = [[[200, 100, 0], [255, 255, 255], [204, 215, 255]]]
    assert_reads(save(tmp_path / "rgba.png", rgba), expected)


def test_cmyk(tmp_path):
    path = save(tmp_path / "cmyk.jpg", Image.new("CMYK", (8, 8), (255, 0, 0, 0)), quality=100)
    assert_allclose(read_rgb(path), np.broadcast_to([0, 255, 255], (8, 8, 3)), atol=2)


def test_exif_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    path = save(tmp_path / "turned.png", COLOUR, exif=exif)
    assert_reads(path, np.rot90(COLOUR))


def test_first_image_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ((30, 0, 9), (200, 1, 1))]
    path = tmp_path / "animation.png"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert_reads(path, np.broadcast_to(np.array([30, 0, 9], dtype=np.uint8), (3, 4, 3)))


@pytest.mark.parametrize(
    "exif", [b"garbage", b"II*\0\x08\0\0\0\xff\xff\x12\x01", b"", b"MM\0*\xff\xff\xff\xff"]
)
def test_damaged_exif_is_passed_over(tmp_path, exif):
    for name in ("a.png", "a.webp"):
        path = save(
            tmp_path / name, COLOUR, exif=exif, **({} if name == "a.png" else {"lossless": True})
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert_reads(path, COLOUR)
        assert not caught


def test_an_orientation_that_does_not_exist(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 9
    assert_reads(save(tmp_path / "nine.png", COLOUR, exif=exif), COLOUR)


def png_claiming(width, height):
    """A PNG file whose header says it is this large, with next to no data."""
    import zlib

    def chunk(kind, data):
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [9_460, 12_000, 13_400, 60_000, 2**31 - 1])
def test_bombs_are_refused_before_they_are_decoded(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(side, side))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for read in (read_image, read_rgb):
            with pytest.raises(ImageReadError, match=r"bomb\.png' .* more than 89,478,485 pixels"):
                read(path)
    assert not caught


def test_warning_filters_are_left_as_they_were(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_claiming(10_000, 10_000))
    paths = [save(tmp_path / "a.png", COLOUR, exif=b"garbage"), tmp_path / "bomb.png"] * 50
    before = list(warnings.filters)

    def read(path):
        try:
            return read_rgb(path).shape
        except ImageReadError:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, paths)) == [(5, 4, 3), None] * 50
    assert list(warnings.filters) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert find_images(tmp_path) == [tmp_path / "pipe.jpg"]
    with pytest.raises(ImageReadError, match=r"pipe\.jpg' .* it is a pipe, a socket or a device"):
        read_rgb(tmp_path / "pipe.jpg")


def test_errors_are_those_of_grey(tmp_path):
    for name, content in (("empty.jpg", b""), ("text.png", b"no image")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageReadError) as grey:
            read_image(tmp_path / name)
        with pytest.raises(ImageReadError) as colour:
            read_rgb(tmp_path / name)
        assert str(grey.value) == str(colour.value)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_rgb(tmp_path / "nowhere.png")
    path = save(tmp_path / "float.tif", GREY.astype(np.float32))
    with pytest.raises(ImageReadError, match="no fixed range"):
        read_rgb(path)


def test_photographs_of_phones_are_found(tmp_path):
    for name in ("a.HEIC", "b.avif", "c.jfif", "d.txt"):
        (tmp_path / name).write_bytes(b"?")
    assert [path.name for path in find_images(tmp_path)] == ["a.HEIC", "b.avif", "c.jfif"]
