"""MultiScaleLBP against a naive loop, by hand, and as a scikit-learn transformer."""

import pickle

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted

from vilma.features import LBPFeature, MultiScaleLBP
from vilma.features._lbp_kernels import halve, interior_patterns
from vilma.features.multiscale_lbp import _to_grey

OFFSETS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def naive_codes(image, n_levels, first_level):
    """Patterns of one grey image in plain Python; an int per position."""
    level = image.tolist()
    codes = []
    for number in range(n_levels):
        height, width = len(level), len(level[0])
        if number >= first_level:
            for row in range(1, height - 1):
                for column in range(1, width - 1):
                    code = 0
                    for bit, (down, right) in enumerate(OFFSETS):
                        if level[row + down][column + right] < level[row][column]:
                            code += 2**bit
                    codes.append(code)
        level = [
            [
                (level[r][c] + level[r][c + 1]) + (level[r + 1][c] + level[r + 1][c + 1])
                for c in range(0, width - 1, 2)
            ]
            for r in range(0, height - 1, 2)
        ]
    return codes


def naive_matrix(images, n_levels, first_level):
    codes = [naive_codes(image, n_levels, first_level) for image in images]
    dense = np.zeros((len(codes), 256 * len(codes[0])))
    for i, row in enumerate(codes):
        for position, code in enumerate(row):
            dense[i, 256 * position + code] = 1
    return dense


def random_images(n=4, size=(17, 14), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *size), dtype=np.uint8)


def lbp_of(size=(17, 14), **params):
    return MultiScaleLBP(size=size, drop_full_resolution=False, **params)


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize(
    ("size", "levels", "n_levels"),
    [
        ((60, 40), None, 4),
        ((60, 40), 2, 2),
        ((17, 14), None, 3),
        ((13, 27), None, 3),
        ((13, 27), 3, 3),
        ((6, 7), None, 2),
        ((7, 6), None, 2),
        ((31, 6), 2, 2),
    ],
)
@pytest.mark.parametrize("kind", ["random", "constant", "three values"])
def test_equals_naive_loop(size, levels, n_levels, drop, kind):
    rng = np.random.default_rng(1)
    images = {
        "random": rng.integers(0, 256, (3, *size), dtype=np.uint8),
        "constant": np.full((2, *size), 255, dtype=np.uint8),
        "three values": rng.choice(np.array([0, 7, 255], dtype=np.uint8), (3, *size)),
    }[kind]
    lbp = MultiScaleLBP(size=size, levels=levels, drop_full_resolution=drop)
    X = lbp.fit_transform(images)
    assert_array_equal(X.toarray(), naive_matrix(images, n_levels, int(drop)))
    if kind == "constant":
        assert (lbp.compute_codes(images) == 0).all()


@pytest.mark.parametrize("size", [(3, 3), (3, 9), (5, 4)])
def test_smallest_sizes(size):
    images = random_images(6, size)
    lbp = lbp_of(size)
    assert_array_equal(lbp.transform(images).toarray(), naive_matrix(images, 1, 0))
    assert_array_equal(lbp.positions_[[0, -1]], [[0, 1, 1], [0, size[0] - 2, size[1] - 2]])


@pytest.mark.parametrize(
    ("drop", "n_positions", "n_features"), [(False, 2827, 723_712), (True, 623, 159_488)]
)
def test_counts_of_the_canonical_size(drop, n_positions, n_features):
    lbp = MultiScaleLBP(drop_full_resolution=drop)
    assert lbp.positions_.shape == (n_positions, 3)
    assert lbp.n_features_out_ == n_features
    X = lbp.fit_transform(random_images(2, (60, 40)))
    assert X.shape == (2, n_features)
    assert X.nnz == 2 * n_positions


def test_3_by_3_by_hand():
    #  9 5 1     neighbours 1, 4 and 2 are smaller than the centre, an equal one is not:
    #  5 5 4     bits 2 (weight 4), 4 (16) and 7 (128)
    #  5 8 2
    image = np.array([[9, 5, 1], [5, 5, 4], [5, 8, 2]], dtype=np.uint8)
    X = lbp_of((3, 3)).transform(image[np.newaxis])
    assert_array_equal(X.indices, [4 + 16 + 128])


@pytest.mark.parametrize(
    ("bit", "row", "column"),
    [(0, 0, 0), (1, 0, 1), (2, 0, 2), (3, 1, 0), (4, 1, 2), (5, 2, 0), (6, 2, 1), (7, 2, 2)],
)
def test_bit_of_each_neighbour(bit, row, column):
    image = np.full((3, 3), 5, dtype=np.uint8)
    image[row, column] = 4
    assert_array_equal(lbp_of((3, 3)).compute_codes([image]), [[2**bit]])
    image[row, column] = 6
    assert_array_equal(lbp_of((3, 3)).compute_codes([image]), [[0]])


def test_second_level_by_hand():
    # 7 x 7: the odd last row and column, the only bright ones, do not reach the 3 x 3 sums
    #  0 4 4
    #  4 4 4    only the upper left block is smaller than the centre, and only in its sum:
    #  4 4 4    it has the brightest pixel of all blocks
    image = np.ones((7, 7), dtype=np.uint8)
    image[:2, :2] = [[3, 0], [0, 0]]
    image[6], image[:, 6] = 255, 255
    codes = MultiScaleLBP(size=(7, 7)).compute_codes([image])
    assert_array_equal(codes, [[1]])


def variants():
    images = random_images(5)
    read_only = images.copy()
    read_only.flags.writeable = False
    read_only_float = images.astype(np.float64)
    read_only_float.flags.writeable = False
    wide = np.zeros((10, 34, 28), dtype=np.uint8)
    wide[::2, ::2, ::2] = images
    yield "float32", images.astype(np.float32)
    yield "float64", images.astype(np.float64)
    yield "float16", images.astype(np.float16)
    yield "int64", images.astype(np.int64)
    yield "uint16", images.astype(np.uint16)
    yield "big-endian", images.astype(">u2")
    yield "scaled by a power of two", images / 256.0
    yield "Fortran order", np.asfortranarray(images)
    yield "Fortran order float", np.asfortranarray(images, dtype=float)
    yield "read-only", read_only
    yield "read-only float", read_only_float
    yield "non-contiguous", wide[::2, ::2, ::2]
    yield "negative strides", images[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1]
    yield "list of arrays", list(images)
    yield "nested lists", images.tolist()
    yield "grey RGB", np.repeat(images[..., np.newaxis], 3, axis=-1)
    yield "channels first in memory", np.moveaxis(np.stack([images] * 3, axis=1), 1, -1)


@pytest.mark.parametrize(("name", "images"), [pytest.param(n, v, id=n) for n, v in variants()])
def test_containers_and_dtypes_agree(name, images):
    expected = lbp_of().transform(random_images(5))
    actual = lbp_of().transform(images)
    assert_array_equal(actual.indices, expected.indices)


def test_input_is_left_alone():
    images = random_images(3).astype(np.float64)
    before = images.copy()
    lbp_of().transform(images)
    assert_array_equal(images, before)


def test_rgb_uint8_becomes_grey_as_in_pillow():
    images = np.random.default_rng(2).integers(0, 256, (6, 17, 14, 3), dtype=np.uint8)
    grey = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])
    assert_array_equal(lbp_of().compute_codes(images), lbp_of().compute_codes(grey))


def test_rgb_float_is_weighed_without_rounding():
    images = np.random.default_rng(2).random((3, 17, 14, 3))
    grey = 0.299 * images[..., 0] + 0.587 * images[..., 1] + 0.114 * images[..., 2]
    assert_array_equal(lbp_of().compute_codes(images), lbp_of().compute_codes(grey))


def test_float_images_equal_naive_loop_to_the_last_bit():
    images = np.random.default_rng(3).random((3, 17, 14)) / 3
    assert_array_equal(lbp_of().transform(images).toarray(), naive_matrix(images, 3, 0))


@pytest.mark.parametrize(("level", "dtype"), [(0, np.int32), (11, np.int32), (12, np.int64)])
def test_sums_of_white_pixels_fit(level, dtype):
    white = np.full((1, 3, 3), 255, dtype=np.uint8)
    assert _to_grey(white, 0, {level: (3, 3)}).dtype == dtype
    assert np.iinfo(dtype).max >= 255 * 4**level


def test_kernels_with_64_bit_sums():
    images = random_images(2).astype(np.int64) << 40
    halves = np.empty((2, 8, 7), dtype=np.int64)
    halve(images, halves)
    assert_array_equal(halves, images[:, :16].reshape(2, 8, 2, 7, 2).sum(axis=(2, 4)))
    codes = np.zeros((2, 3 + 6 * 5), dtype=np.uint8)
    interior_patterns(halves, codes, 3)
    assert_array_equal(codes[:, :3], 0)
    assert_array_equal(codes[:, 3:], [naive_codes(half, 1, 0) for half in halves])


@pytest.mark.parametrize("dtype", [np.float32, "float64", np.uint8, bool])
def test_output_container(dtype):
    images = random_images(5)
    X = lbp_of(dtype=dtype).transform(images)
    assert isinstance(X, sp.csr_array)
    assert X.dtype == np.dtype(dtype)
    assert X.indices.dtype == X.indptr.dtype == np.int32
    assert (X.data == 1).all()
    per_block = X.toarray().astype(int).reshape(5, -1, 256).sum(axis=2)
    assert (per_block == 1).all()
    recomputed = sp.csr_array((X.data, X.indices, X.indptr), shape=X.shape)
    assert recomputed.has_canonical_format
    assert X.has_canonical_format


@pytest.mark.parametrize("shape", [(1, 17, 14), (2300, 17, 14), (2300, 17, 14, 3)])
def test_n_jobs_changes_no_bit(shape):
    images = np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)
    # 2300 images of 17 x 14 are more than one block of pixels
    one = lbp_of(n_jobs=1).transform(images)
    two = lbp_of(n_jobs=2).transform(images)
    assert_array_equal(one.indices, two.indices)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        three = lbp_of().transform(images)
    assert_array_equal(one.indices, three.indices)


def test_blocks_do_not_change_the_result(monkeypatch):
    images = random_images(11)
    expected = lbp_of().compute_codes(images)
    monkeypatch.setattr("vilma.features.multiscale_lbp._BLOCK_PIXELS", 3 * 17 * 14)
    for n_jobs in (1, 2):
        assert_array_equal(lbp_of(n_jobs=n_jobs).compute_codes(images), expected)
    monkeypatch.setattr("vilma.features.multiscale_lbp._BLOCK_PIXELS", 1)
    assert_array_equal(lbp_of().compute_codes(images), expected)


def test_codes_are_the_columns():
    lbp = lbp_of()
    images = random_images(5)
    codes = lbp.compute_codes(images)
    assert codes.dtype == np.uint8
    columns = codes.astype(int) + 256 * np.arange(codes.shape[1])
    assert_array_equal(lbp.transform(images).indices.reshape(codes.shape), columns)


def test_describe_feature_decodes_an_image():
    images = random_images(1)
    lbp = lbp_of()
    X = lbp.fit_transform(images)
    names = lbp.get_feature_names_out()
    assert names.shape == (lbp.n_features_out_,)
    assert names.dtype == object
    assert len(set(names)) == len(names)

    pyramid = [images[0].astype(int)]
    for _ in range(2):
        last = pyramid[-1]
        last = last[: last.shape[0] // 2 * 2, : last.shape[1] // 2 * 2]
        pyramid.append(last[::2, ::2] + last[::2, 1::2] + last[1::2, ::2] + last[1::2, 1::2])

    for index in X.indices:
        level, row, column, pattern = lbp.describe_feature(index)
        assert names[index] == f"lbp_l{level}_r{row:02d}_c{column:02d}_p{pattern:03d}"
        values = pyramid[level]
        bits = [
            values[row + down, column + right] < values[row, column] for down, right in OFFSETS
        ]
        assert pattern == sum(2**bit for bit, smaller in enumerate(bits) if smaller)

    described = lbp.describe_feature(X.indices)
    assert_array_equal(
        np.column_stack([described.level, described.row, described.column]), lbp.positions_
    )
    assert_array_equal(described.pattern, lbp.compute_codes(images)[0])


def test_describe_feature_shapes_and_first_and_last():
    lbp = MultiScaleLBP()
    assert lbp.describe_feature(0) == LBPFeature(1, 1, 1, 0)
    assert lbp.describe_feature(159_487) == LBPFeature(3, 5, 3, 255)
    assert isinstance(lbp.describe_feature(np.int32(5)).pattern, int)
    assert lbp.describe_feature([[0, 1, 2], [3, 4, 256]]).column.tolist() == [[1, 1, 1], [1, 1, 2]]
    assert lbp.describe_feature([]).level.shape == (0,)


def test_describe_feature_refuses():
    lbp = MultiScaleLBP()
    with pytest.raises(
        IndexError, match=r"no feature 159488: .* has 159488 features, counted from 0 to 159487"
    ):
        lbp.describe_feature([3, 159_488])
    with pytest.raises(IndexError, match="no feature -1"):
        lbp.describe_feature(-1)
    with pytest.raises(TypeError, match=r"must be an integer or integers, got 1\.5"):
        lbp.describe_feature(1.5)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 3, 4)), r"are 3 x 4 .* takes 17 x 14\. Resize .*canonical_crop"),
        (np.zeros((2, 14, 17)), r"are 14 x 17 .* or set size=\(14, 17\)"),
        (np.zeros((2, 3, 4, 3)), "are 3 x 4"),
        (np.zeros((17, 14)), r"single image.*image\[np\.newaxis\]"),
        (np.zeros((17, 14, 3)), r"single image.*image\[np\.newaxis\]"),
        (np.zeros((5, 17 * 14)), r"got an array of shape \(5, 238\).*reshape\(-1, 17, 14\)"),
        (np.zeros(5), r"got an array of shape \(5,\)"),
        (np.zeros((1, 2, 17, 14, 3)), r"got an array of shape \(1, 2, 17, 14, 3\)"),
        (np.zeros((2, 17, 14, 4)), r"looks like RGBA.*X\[\.\.\., :3\]"),
        (np.zeros((2, 17, 14, 1)), r"has 1 channels.*X\[\.\.\., 0\]"),
        (np.zeros((0, 17, 14)), r"Found array with 0 sample\(s\)"),
        (np.zeros((2, 17, 14), dtype=object), "got dtype object"),
        (np.zeros((2, 17, 14), dtype="U3"), "got dtype <U3"),
        (np.zeros((2, 17, 14), dtype=complex), "Complex data not supported"),
        (
            [np.zeros((17, 14)), np.zeros((17, 14)), np.zeros((9, 14))],
            r"image 0 has \(17, 14\) and image 2 has \(9, 14\)",
        ),
    ],
)
@pytest.mark.parametrize("method", ["fit", "transform", "compute_codes"])
def test_wrong_images(X, message, method):
    with pytest.raises(ValueError, match=message):
        getattr(lbp_of(), method)(X)


def test_square_sizes_as_small_as_a_pixel_of_channels_are_stacks():
    for side in (3, 4):
        images = random_images(side, (side, side))
        assert lbp_of((side, side)).compute_codes(images).shape == (side, (side - 2) ** 2)


def test_sparse_images_are_refused():
    with pytest.raises(TypeError, match="Sparse data was passed"):
        lbp_of().fit(sp.csr_array(np.eye(3)))


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_first_image_that_is_not_finite_is_named(bad, n_jobs, channels, monkeypatch):
    monkeypatch.setattr("vilma.features.multiscale_lbp._BLOCK_PIXELS", 2 * 17 * 14)
    images = np.zeros((12, 17, 14, *channels), dtype=np.float32)
    images[[5, 9, 11], 3, 3] = bad
    with pytest.raises(ValueError, match="Image 5 of X contains nan or infinity"):
        lbp_of(n_jobs=n_jobs).transform(images)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"size": (2, 40)}, r"'size' .* both at least 3\. Got \(2, 40\)"),
        ({"size": 60}, r"'size' .* Got 60 instead"),
        ({"size": (60, 40, 3)}, r"'size' .* Got \(60, 40, 3\)"),
        ({"size": (60.0, 40.0)}, "'size'"),
        ({"size": None}, "'size'"),
        ({"levels": 5}, r"'levels' .* integer from 1 to 4, .* Got 5 instead"),
        ({"levels": 0}, r"'levels' .* Got 0 instead"),
        ({"levels": 1.0}, "'levels'"),
        ({"levels": True}, "'levels'"),
        ({"levels": 1}, "drop_full_resolution=True leaves nothing"),
        ({"size": (5, 40)}, "drop_full_resolution=True leaves nothing"),
        ({"drop_full_resolution": "yes"}, r"'drop_full_resolution' .* Got 'yes'"),
        ({"dtype": "text"}, r"'dtype' .* Got 'text'"),
        ({"dtype": object}, "'dtype'"),
        ({"dtype": None}, "'dtype'"),
        ({"n_jobs": 0}, r"'n_jobs' .* Got 0"),
        ({"n_jobs": 1.5}, r"'n_jobs' .* Got 1\.5"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "transform"])
def test_wrong_parameters(params, message, method):
    lbp = MultiScaleLBP(**params)
    with pytest.raises(ValueError, match=message):
        getattr(lbp, method)(np.zeros((1, 60, 40)))


def test_clone_pickle_and_set_params():
    images = random_images(3)
    lbp = lbp_of(levels=2, dtype=np.float64, n_jobs=1)
    assert clone(lbp).get_params() == lbp.get_params()
    restored = pickle.loads(pickle.dumps(lbp.fit(images)))
    assert_array_equal(restored.transform(images).indices, lbp.transform(images).indices)
    assert lbp.set_params(levels=1).n_features_out_ == 256 * 15 * 12


def test_is_stateless():
    lbp = MultiScaleLBP()
    before = dict(vars(lbp))
    assert lbp.fit(np.zeros((1, 60, 40))) is lbp
    assert vars(lbp) == before
    check_is_fitted(MultiScaleLBP())  # raises NotFittedError where a fit is asked for


def test_tags():
    tags = MultiScaleLBP().__sklearn_tags__()
    assert tags.input_tags.three_d_array
    assert not tags.input_tags.two_d_array
    assert not tags.requires_fit
    assert not tags.input_tags.sparse
    assert not tags.input_tags.allow_nan
    assert tags.transformer_tags.preserves_dtype == []


@pytest.mark.parametrize(
    "check",
    [
        "check_complex_data",
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimator_sparse_tag",
        "check_get_params_invariance",
        "check_mixin_order",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_set_params",
        "check_valid_tag_types",
    ],
)
def test_scikit_learn_checks_that_need_no_tables(check):
    getattr(estimator_checks, check)("MultiScaleLBP", MultiScaleLBP())


def test_output_stays_sparse_when_data_frames_are_asked_for():
    assert not hasattr(MultiScaleLBP(), "set_output")
    with config_context(transform_output="pandas"):
        assert sp.issparse(lbp_of().fit_transform(random_images(2)))


def test_scikit_learn_takes_the_output():
    rng = np.random.default_rng(5)
    images = random_images(40)
    ages = rng.integers(0, 3, 40)
    images[:, :4, :4] = np.where(ages == 0, 0, np.where(ages == 1, 90, 250))[:, None, None]
    X = lbp_of().fit_transform(images)
    X_train, X_test, y_train, y_test = train_test_split(X, ages, random_state=0)
    assert X_train.indices.dtype == np.int32
    ridge = Ridge(solver="sparse_cg").fit(X_train, y_train)
    assert ridge.predict(X_test).shape == y_test.shape

    pipeline = make_pipeline(lbp_of(), LogisticRegression())
    assert_array_equal(pipeline.fit(images, ages).predict(images), ages)
    assert pipeline[:-1].get_feature_names_out()[0] == "lbp_l0_r01_c01_p000"
    search = GridSearchCV(
        make_pipeline(lbp_of(), Ridge()), {"multiscalelbp__levels": [1, 2]}, cv=2
    )
    search.fit(images, ages)
    assert search.best_estimator_[0].levels in (1, 2)
