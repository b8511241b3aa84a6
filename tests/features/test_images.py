"""Finding, reading and cropping image files."""

import csv
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from vilma.features import (
    ImageReadError,
    MultiScaleLBP,
    canonical_crop,
    find_images,
    read_image,
    read_rgb,
)
from vilma.features.reading import _without_warnings

UTKFACE = Path(__file__).resolve().parents[3] / "shared" / "data" / "utkface"

GREY = np.array([[0, 10, 200], [255, 128, 7]], dtype=np.uint8)


def save(path, image, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def assert_reads(path, expected):
    actual = read_image(path)
    assert actual.dtype == np.uint8
    assert actual.flags.writeable
    assert_array_equal(actual, expected)


def test_grey_png_by_path_and_by_string(tmp_path):
    path = save(tmp_path / "grey.png", GREY)
    assert_reads(path, GREY)
    assert_reads(str(path), GREY)


def test_colour_is_weighed(tmp_path):
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], dtype=np.uint8)
    # 0.299 * 255 = 76.2, 0.587 * 255 = 149.7, 0.114 * 255 = 29.1
    assert_reads(save(tmp_path / "rgb.png", primaries), [[76, 150, 29]])


def test_16_bit_keeps_the_upper_8(tmp_path):
    deep = GREY.astype(np.uint16) * 256 + 200
    assert_reads(save(tmp_path / "deep.png", deep), GREY)
    assert_reads(save(tmp_path / "deep.tif", deep), GREY)
    assert_reads(save(tmp_path / "deep.pgm", deep), GREY)


def test_16_bit_where_white_is_zero(tmp_path):
    photometric = {262: 0}
    deep = GREY.astype(np.uint16) * 256 + 200
    assert_reads(save(tmp_path / "deep.tif", deep, tiffinfo=photometric), 255 - GREY)


def test_16_bit_with_a_transparent_value(tmp_path):
    deep = np.array([[2560, 2561, 51_400]], dtype=np.uint16)
    path = save(tmp_path / "deep.png", deep, transparency=2561)
    assert_reads(path, [[10, 255, 200]])
    assert_array_equal(read_rgb(path)[0, :, 2], [10, 255, 200])


def test_palette_is_looked_up(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), mode=None).convert("P")
    image.putpalette([9, 9, 9, 250, 250, 250, 40, 40, 40])
    image.putdata([0, 1, 2])
    assert_reads(save(tmp_path / "palette.png", image), [[9, 250, 40]])


def test_black_and_white(tmp_path):
    image = Image.fromarray(np.array([[True, False]]))
    assert_reads(save(tmp_path / "one_bit.png", image), [[255, 0]])


def test_transparent_pixels_are_blended_with_white(tmp_path):
    grey = np.array([[0, 0, 0, 100]], dtype=np.uint8)
    alpha = np.array([[255, 0, 51, 255]], dtype=np.uint8)
    expected = [[0, 255, 204, 100]]
    rgba = np.stack([grey, grey, grey, alpha], axis=-1)
    assert_reads(save(tmp_path / "rgba.png", rgba), expected)
    assert_reads(save(tmp_path / "la.png", np.stack([grey, alpha], axis=-1)), expected)


def test_a_colour_marked_as_transparent_becomes_white(tmp_path):
    path = save(tmp_path / "key.png", Image.fromarray(GREY), transparency=10)
    assert_reads(path, np.where(GREY == 10, 255, GREY))
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 10, 10, 90, 90, 90])
    palette.putdata([0, 1])
    assert_reads(save(tmp_path / "key_p.png", palette, transparency=0), [[255, 90]])


@pytest.mark.parametrize(("ink", "grey"), [((0, 0, 0, 0), 255), ((0, 0, 0, 255), 0)])
def test_cmyk_jpeg(tmp_path, ink, grey):
    path = save(tmp_path / "cmyk.jpg", Image.new("CMYK", (8, 8), ink), quality=100)
    assert_allclose(read_image(path), grey, atol=2)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, np.fliplr),
        (3, lambda a: np.rot90(a, 2)),
        (4, np.flipud),
        (5, np.transpose),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(a.T, 2)),
        (8, np.rot90),
    ],
)
def test_exif_orientation_of_a_jpeg(tmp_path, orientation, upright):
    stored = np.kron(np.array([[0, 100, 255], [50, 200, 150]], dtype=np.uint8), np.ones((8, 8)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "turned.jpg", stored.astype(np.uint8), exif=exif, quality=100)
    expected = upright(stored)
    actual = read_image(path)
    assert actual.shape == expected.shape
    assert_allclose(actual, expected, atol=3)


def test_16_bit_is_turned_as_well(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "deep.png", GREY.astype(np.uint16) * 257, exif=exif)
    assert_reads(path, np.rot90(GREY, -1))


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("L", (4, 3), value) for value in (30, 200, 90)]
    path = tmp_path / "animation.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with Image.open(path) as image:
        assert image.n_frames == 3
    assert_reads(path, np.full((3, 4), 30))


def test_truncated_jpeg(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    path = save(tmp_path / "cut.jpg", noise)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(ImageReadError, match=r"Cannot read '.*cut\.jpg'.*truncated"):
        read_image(path)


def test_damaged_png(tmp_path):
    path = save(tmp_path / "damaged.png", GREY)
    data = bytearray(path.read_bytes())
    data[45] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ImageReadError, match=r"Cannot read '.*damaged\.png'"):
        read_image(path)


def test_empty_file(tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageReadError, match=r"empty\.jpg' as an image: the file is empty\."):
        read_image(path)


@pytest.mark.parametrize("read", [read_image, read_rgb])
def test_too_little_memory_is_no_bad_file(tmp_path, monkeypatch, read):
    def load(image):
        raise MemoryError

    path = save(tmp_path / "good.png", GREY)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(MemoryError):
        read(path)


def test_text_called_jpg(tmp_path):
    path = tmp_path / "text.jpg"
    path.write_text("age,file\n31,a.jpg\n")
    with pytest.raises(ImageReadError, match=r"text\.jpg' as an image: not an image, or of an"):
        read_image(path)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_pixels_without_a_range(tmp_path, dtype):
    path = save(tmp_path / "wide.tif", GREY.astype(dtype))
    with pytest.raises(ImageReadError, match=r"wide\.tif'.*no fixed range; scale them"):
        read_image(path)


def test_decompression_bomb(tmp_path, monkeypatch):
    path = save(tmp_path / "large.png", np.zeros((50, 50), dtype=np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    message = (
        r"large\.png' as an image: it has more than 100 pixels; make it smaller, or in Python set "
        r"PIL\.Image\.MAX_IMAGE"
    )
    with pytest.raises(ImageReadError, match=message):
        read_image(path)
    # Pillow itself only warns up to twice its limit
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2499)
    with pytest.raises(ImageReadError, match="it has more than 2,499 pixels"):
        read_image(path)
    for limit in (2500, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert read_image(path).shape == (50, 50)


@pytest.mark.parametrize("first", ["reader", "other"])
def test_the_filters_of_other_threads_are_left_alone(first):
    before = list(warnings.filters)
    reader, other = _without_warnings(), warnings.catch_warnings()
    threads = [reader, other] if first == "reader" else [other, reader]
    for thread in threads:
        thread.__enter__()
    for thread in threads:
        thread.__exit__(None, None, None)
    assert warnings.filters == before


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(OSError, match=tmp_path.name):
        read_image(tmp_path)


def test_crop_averages_areas():
    image = np.random.default_rng(1).integers(0, 256, (200, 200), dtype=np.uint8)
    crop = canonical_crop(image, box=(40, 10, 160, 190))
    assert crop.shape == (60, 40)
    assert crop.dtype == np.uint8
    means = image[10:190, 40:160].reshape(60, 3, 40, 3).mean(axis=(1, 3))
    # rounded along rows and along columns, by half a grey level at most each time
    assert_allclose(crop, means, atol=1)


def test_colours_are_cropped_one_by_one():
    image = np.random.default_rng(1).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    crop = canonical_crop(image, (6, 4), (1, 2, 33, 47.5))
    assert crop.shape == (6, 4, 3)
    for channel in range(3):
        one = canonical_crop(image[..., channel], (6, 4), (1, 2, 33, 47.5))
        assert_array_equal(crop[..., channel], one)


def test_crop_of_the_right_size_is_the_image():
    image = np.random.default_rng(1).integers(0, 256, (60, 40), dtype=np.uint8)
    crop = canonical_crop(image)
    assert_array_equal(crop, image)
    assert not np.shares_memory(crop, image)


def test_crop_size_is_height_and_width_and_box_is_in_pixels():
    image = np.arange(20, dtype=np.uint8).reshape(4, 5)
    assert_array_equal(canonical_crop(image, (2, 3), (1, 2, 4, 4)), image[2:4, 1:4])
    assert_array_equal(canonical_crop(image, (4, 5), [0, 0, 5, 4]), image)
    # a box with fractions takes the pixels whose centres it covers
    assert_array_equal(canonical_crop(image, (1, 1), (0.6, 0.4, 2.7, 1.4)), [[2]])
    assert_array_equal(
        canonical_crop(np.array([[10, 20]], dtype=np.uint8), (2, 4)),
        [[10, 10, 20, 20], [10, 10, 20, 20]],
    )


def test_crop_takes_arrays_that_are_not_contiguous_or_read_only():
    image = np.random.default_rng(1).integers(0, 256, (60, 80), dtype=np.uint8)
    turned = image[::-1, ::2]
    turned.flags.writeable = False
    assert_array_equal(canonical_crop(turned), turned)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((5, 5)), r"dtype float64 and shape \(5, 5\)\. Scale"),
        (np.zeros((5, 5, 4), dtype=np.uint8), r"dtype uint8 and shape \(5, 5, 4\)"),
        (np.zeros((0, 5), dtype=np.uint8), r"shape \(0, 5\)"),
    ],
)
def test_crop_refuses_other_images(image, message):
    with pytest.raises(ValueError, match=message):
        canonical_crop(image)


@pytest.mark.parametrize(
    "box",
    [
        (-1, 0, 3, 2),
        (0, 0, 4, 2),
        (0, 0, 3, 3),
        (0, -0.5, 3, 2),
        (2, 0, 2, 2),
        (2, 0, 1, 2),
        (0, 0, np.nan, 2),
    ],
)
def test_crop_refuses_a_box_outside(box):
    with pytest.raises(
        ValueError, match=r"must be inside the image, which is 3 .* wide and 2 high"
    ):
        canonical_crop(GREY, box=box)


@pytest.mark.parametrize("box", [(0, 0, 1), 3, "abcd", ("a", "b", "c", "d")])
def test_crop_refuses_what_is_no_box(box):
    with pytest.raises(ValueError, match="box must be four numbers"):
        canonical_crop(GREY, box=box)


@pytest.mark.parametrize("size", [(0, 4), 5, (3.0, 4.0), (1, 2, 3), "ab"])
def test_crop_refuses_sizes(size):
    with pytest.raises(ValueError, match=r"size must be a tuple \(height, width\)"):
        canonical_crop(GREY, size=size)


@pytest.fixture
def folder(tmp_path):
    for name in (
        "b/2.JPG",
        "b/10.png",
        "a.jpeg",
        "c.webp",
        "notes.txt",
        ".hidden.jpg",
        ".thumbs/t.jpg",
        "b/deep/er/x.Tiff",
        "b.gif/inside.bmp",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def names(images, folder):
    return [image.relative_to(folder).as_posix() for image in images]


def test_find_images_in_a_folder(folder):
    expected = ["a.jpeg", "b/10.png", "b/2.JPG", "b/deep/er/x.Tiff", "b.gif/inside.bmp", "c.webp"]
    assert names(find_images(folder), folder) == expected
    assert names(find_images(str(folder)), folder) == expected
    assert names(find_images([folder]), folder) == expected


def test_find_images_keeps_the_given_order_and_no_copies(folder):
    found = find_images([folder / "c.webp", folder / "b", folder / "notes.txt", folder / "c.webp"])
    expected = ["c.webp", "b/10.png", "b/2.JPG", "b/deep/er/x.Tiff", "notes.txt"]
    assert names(found, folder) == expected


def test_find_images_in_a_folder_without_images(tmp_path):
    assert find_images(tmp_path) == []
    assert find_images([]) == []


def test_find_images_names_a_missing_path(folder):
    with pytest.raises(FileNotFoundError, match=r"no file or folder '.*nowhere'"):
        find_images([folder, folder / "nowhere"])


def test_find_images_does_not_pass_over_an_unreadable_folder(folder, monkeypatch):
    scandir = os.scandir

    def guarded(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(PermissionError, match="Permission denied"):
        find_images(folder)


@pytest.mark.skipif(not UTKFACE.is_dir(), reason="the shared UTKFace images are not there")
def test_faces():
    with (UTKFACE / "labels.csv").open() as table:
        assert sum(1 for _ in csv.reader(table)) > 20
    paths = find_images(UTKFACE / "images")[::240]
    crops = np.stack([canonical_crop(read_image(path), box=(40, 10, 160, 190)) for path in paths])
    assert crops.shape == (len(paths), 60, 40)
    for path, crop in zip(paths, crops, strict=True):
        with Image.open(path) as image:
            face = image.convert("L").crop((40, 10, 160, 190))
        assert_array_equal(crop, face.resize((40, 60), Image.Resampling.BOX))
    X = MultiScaleLBP().fit_transform(crops)
    assert X.shape == (len(paths), 159_488)
    assert X.nnz == 623 * len(paths)
