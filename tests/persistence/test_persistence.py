"""Model files: what comes back, and what is refused."""

import io
import json
import os
import pickle
import zipfile
from functools import partial

import joblib
import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

import vilma
from vilma import (
    IISVOR_EXP,
    IISVOR_EXPCV,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    PWVILMACV,
    VILMA,
    VILMACV,
    CalibratedOrdinalClassifier,
    ConformalOrdinalClassifier,
    OrderedLogit,
    OrderedLogitCV,
    load_model,
    save_model,
)
from vilma._sealed import pack, unpack
from vilma.features import LeafCodes, MultiScaleLBP, TableFeatures, Union
from vilma.model_selection import PositionsClassifier
from vilma.persistence import model_file

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "project",
    "decision_function",
    "label_scores",
    "predict_interval",
)
N = 120


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 4))
    y = np.clip(np.round(X[:, 0] + 2 + 0.7 * rng.normal(size=N)), 0, 4).astype(int)
    return X, y


@pytest.fixture(scope="module")
def table(data):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(data[0].copy(), columns=list("abcd"))
    frame["kind"] = np.random.default_rng(1).choice(["u", "v", "w"], N)
    frame.loc[3, "a"] = np.nan
    return frame


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.vilma"


@pytest.fixture
def saved(data, path):
    save_model(make_pipeline(StandardScaler(), VILMA()).fit(*data), path)
    return path


def check_round_trip(model, X, path):
    save_model(model, path)
    content = path.read_bytes()
    again = load_model(path)
    assert type(again) is type(model)
    for name in METHODS:
        if hasattr(model, name):
            np.testing.assert_array_equal(getattr(again, name)(X), getattr(model, name)(X))
    save_model(again, path)
    assert path.read_bytes() == content
    return again


def edit(path, change):
    """Write the file again, correctly sealed, with another description."""
    with path.open("rb") as stream:
        members = unpack(stream)
    description = json.loads(members["model.json"])
    change(description)
    members["model.json"] = json.dumps(description).encode()
    rewrite(path, members)


def rewrite(path, members):
    stream = io.BytesIO()
    pack(members, stream)
    path.write_bytes(stream.getvalue())


def final_step(description):
    return description["model"]["state"]["steps"][1]["items"][1]["state"]


@pytest.mark.parametrize(
    "model",
    [
        VILMA(),
        VILMA(loss=np.abs(np.subtract.outer(range(5), range(5)))),
        IISVOR_EXP(),
        IISVOR_IMC(warm_start=True),
        PWVILMA(),
        VILMACV(cv=KFold(3)),
        IISVOR_EXPCV(cv=3),
        IISVOR_IMCCV(cv=3),
        PWVILMACV(cv=3),
        OrderedLogit(),
        OrderedLogit(alpha=0.1, link="probit"),
        OrderedLogitCV(cv=3),
        CalibratedOrdinalClassifier(),
        CalibratedOrdinalClassifier(PWVILMA()),
        ConformalOrdinalClassifier(),
        ConformalOrdinalClassifier(RandomForestClassifier(3, random_state=0)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_estimators(data, path, model):
    X, y = data
    model.fit(X, y)
    again = check_round_trip(model, X, path)
    assert again.get_params(deep=False).keys() == model.get_params(deep=False).keys()
    if "loss" in model.get_params():
        np.testing.assert_array_equal(again.loss, model.loss)


def test_every_public_estimator_can_be_saved():
    from vilma import estimators, probability
    from vilma.persistence.known import name_of

    classes = [
        getattr(room, name)
        for room in (estimators, probability)
        for name in room.__all__
        if isinstance(getattr(room, name), type)
    ]
    assert len(classes) >= 12
    assert [name_of(each) for each in classes] == [f"vilma.{each.__name__}" for each in classes]


def test_inference_comes_back(data, path):
    model = OrderedLogit().fit(*data)
    again = check_round_trip(model, data[0], path)
    assert str(again.summary()) == str(model.summary())
    assert str(again.average_marginal_effects(data[0])) == str(
        model.average_marginal_effects(data[0])
    )


@pytest.mark.parametrize(
    "transformer",
    [
        StandardScaler(),
        MinMaxScaler(),
        RobustScaler(),
        QuantileTransformer(n_quantiles=20),
        PowerTransformer(),
        KBinsDiscretizer(4, strategy="uniform"),
        PCA(2),
        TruncatedSVD(2),
        Nystroem(n_components=10),
        RBFSampler(),
        make_union(StandardScaler(), Nystroem(n_components=3)),
        LeafCodes(n_trees=5, random_state=0),
        TableFeatures(n_trees=5, random_state=0),
        Union([("numbers", StandardScaler()), ("leaves", LeafCodes(n_trees=4))]),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
def test_pipelines(data, path, transformer):
    X, y = data
    check_round_trip(make_pipeline(transformer, IISVOR_IMC()).fit(X, y), X, path)


def test_tables(data, table, path):
    columns = make_column_transformer(
        (
            make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
            make_column_selector(dtype_include=np.number),
        ),
        (OneHotEncoder(handle_unknown="ignore", min_frequency=2), ["kind"]),
    )
    for model in (
        make_pipeline(columns, VILMA()),
        make_pipeline(
            make_column_transformer(
                (OrdinalEncoder(), ["kind"]), (StandardScaler(), slice(1, 3)), remainder="drop"
            ),
            VILMA(),
        ),
        make_pipeline(
            make_column_transformer((OrdinalEncoder(), ["kind"]), remainder="passthrough"),
            SimpleImputer(),
            VILMA(),
        ),
        make_pipeline(TableFeatures(n_trees=5, random_state=0), IISVOR_IMCCV(cv=3)),
    ):
        again = check_round_trip(model.fit(table, data[1]), table, path)
        assert list(again.feature_names_in_) == list(table.columns)


def test_the_rules_of_leaves_come_back(data, path):
    leaves = LeafCodes(n_trees=3, random_state=0).fit(data[0])
    save_model(leaves, path)
    again = load_model(path)
    assert again.get_feature_names_out().tolist() == leaves.get_feature_names_out().tolist()


def test_photographs_and_texts(path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 20, 20), dtype=np.uint8)
    check_round_trip(
        make_pipeline(MultiScaleLBP((20, 20)), VILMA()).fit(images, np.arange(12) % 3),
        images,
        path,
    )
    texts = ["good", "very good", "bad", "very bad", "fine", "just fine"] * 4
    check_round_trip(
        make_pipeline(TfidfVectorizer(), VILMA()).fit(texts, [2, 2, 0, 0, 1, 1] * 4), texts, path
    )


def test_labels_of_every_kind(data, path):
    X, y = data
    for labels in (
        np.array(["a", "b", "c", "d", "e"])[y],
        np.array(["a", "b", "c", "d", "e"], dtype=object)[y],
        y / 2,
    ):
        again = check_round_trip(VILMA(classes=np.unique(labels)).fit(X, labels), X, path)
        assert (
            again.predict(X).dtype == VILMA(classes=np.unique(labels)).fit(X, labels).scale_.dtype
        )


def test_an_estimator_of_positions(data, path):
    X, y = data
    model = PositionsClassifier(RandomForestRegressor(3, random_state=0)).fit(X, y)
    check_round_trip(model, X, path)


def test_a_frozen_estimator(data, path):
    X, y = data
    frozen = FrozenEstimator(IISVOR_IMC().fit(X, y))
    check_round_trip(CalibratedOrdinalClassifier(frozen).fit(X, y), X, path)


def test_same_data_same_bytes(data, path, tmp_path):
    other = tmp_path / "other.vilma"
    for make in (VILMA, lambda: OrderedLogit(alpha=0.1), lambda: ConformalOrdinalClassifier()):
        save_model(make().fit(*data), path)
        save_model(make().fit(*data), other)
        assert path.read_bytes() == other.read_bytes()
    model = VILMA().fit(*data)
    save_model(model, path)
    history = load_model(path).history_
    assert np.isnan(history["seconds"]).all()
    np.testing.assert_array_equal(history["gap"], model.history_["gap"])
    assert np.isfinite(model.history_["seconds"]).all()


def test_others_can_read_the_file(saved, data):
    """NumPy, the zip format and JSON are enough."""
    with np.load(saved) as archive:
        description = json.loads(archive["model.json"])
        state = final_step(description)
        coef = archive[state["coef_"]["member"].removesuffix(".npy")]
    np.testing.assert_array_equal(coef, load_model(saved)[-1].coef_)
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None


def test_every_flipped_bit_is_noticed(saved):
    content = saved.read_bytes()
    rng = np.random.default_rng(0)
    for bit in rng.choice(8 * len(content), 60, replace=False).tolist():
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        saved.write_bytes(damaged)
        with pytest.raises(ValueError, match="is not a readable model file"):
            load_model(saved)


@pytest.mark.parametrize("length", [0, 1, 21, 22, 100, 1000, -71, -1])
def test_cut_short(saved, length):
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(ValueError, match="is not a readable model file"):
        load_model(saved)


class Bomb:
    """A pickle of it leaves a mark when it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def bombs(mark):
    """Every form in which a pickle may come."""
    plain, compressed, array = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pickle.dump(Bomb(mark), plain)
    joblib.dump(Bomb(mark), compressed, compress=3)
    np.save(array, np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    return [plain.getvalue(), compressed.getvalue(), array.getvalue()]


def test_a_crafted_pickle_runs_nothing(saved, tmp_path):
    mark = tmp_path / "mark"
    pickle.loads(bombs(mark)[0])
    mark.rmdir()  # it works
    with saved.open("rb") as stream:
        members = unpack(stream)
    for bomb in bombs(mark):
        saved.write_bytes(bomb)
        with pytest.raises(ValueError, match="is not a readable model file"):
            load_model(saved)
        for member in members:
            rewrite(saved, {**members, member: bomb})
            with pytest.raises(ValueError, match="is not a readable model file"):
                load_model(saved)
    assert not mark.exists()


@pytest.mark.parametrize(
    "name",
    ["os.system", "subprocess.Popen", "builtins.eval", "sklearn.base.BaseEstimator", "vilma.cli"],
)
def test_no_other_class_is_made(saved, name):
    edit(saved, lambda content: content["model"].update({"class": name}))
    with pytest.raises(ValueError, match=f"names {name!r}, which is none of the classes"):
        load_model(saved)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("coef_", None, "lacks the attribute 'coef_'"),
        ("alpha", None, "lacks the parameter 'alpha'"),
        ("scale_", None, "lacks the attribute 'scale_'"),
        ("alpha", "much", "'alpha' parameter of VILMA must be a float"),
        ("alpha", -1.0, "'alpha' parameter of VILMA must be a float in the range"),
        ("coef_", [1.0, 2.0], "coef_ should be an array, got list"),
        ("coef_", {"!": "array", "member": "arrays/9.npy"}, "'arrays/9.npy', which is missing"),
        ("coef_", {"!": "float", "value": "nan"}, "coef_ should be an array, got float"),
        ("n_features_in_", 7, r"coef_ has the shape \(4,\), expected \(7\)"),
        ("n_features_in_", "4", "n_features_in_ should be a finite number, got '4'"),
        ("predict", 1, "the attribute 'predict', which is none of a fitted model"),
        ("__class__", 1, "the attribute '__class__', which is none"),
        ("gap_", {"!": "code", "value": "1"}, "of the kind 'code', which is not known"),
        ("gap_", {"!": "float", "value": "0.5"}, "only NaN and infinities are written so"),
        ("gap_", {"!": "scalar", "dtype": "O", "value": 1}, "is no number"),
        ("gap_", {"!": "tree"}, "lacks the key 'nodes'"),
    ],
)
def test_wrong_attributes(saved, name, value, message):
    def change(content):
        if value is None:
            del final_step(content)[name]
        else:
            final_step(content)[name] = value

    edit(saved, change)
    with pytest.raises(ValueError, match=message):
        load_model(saved)


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("coef_", np.full(4, np.nan), "coef_ should hold finite numbers"),
        ("coef_", np.ones(4, dtype=int), "coef_ should hold finite numbers"),
        ("thresholds_", np.array([1.0, 0.0, 2.0, 3.0]), "numbers that do not descend"),
        ("thresholds_", np.array([0.0, 1.0]), r"has the shape \(2,\), expected \(4\)"),
        ("scale_", np.array([1, 1, 1, 1, 1]), "no scale of two labels or more"),
        ("classes_", np.array([4, 3, 2, 1, 0]), "are not the labels of scale_"),
    ],
)
def test_wrong_arrays(data, path, attribute, value, message):
    model = VILMA().fit(*data)
    setattr(model, attribute, value)
    save_model(model, path)
    with pytest.raises(ValueError, match=message):
        load_model(path)


PARTS = {
    "a scaler": (StandardScaler, "numbers"),
    "components": (PCA, "numbers"),
    "few components": (partial(TruncatedSVD, n_components=2), "numbers"),
    "quantiles": (partial(QuantileTransformer, n_quantiles=10), "numbers"),
    "powers": (PowerTransformer, "numbers"),
    "quartiles": (RobustScaler, "numbers"),
    "ranges": (MinMaxScaler, "numbers"),
    "largest values": (MaxAbsScaler, "numbers"),
    "bins": (partial(KBinsDiscretizer, strategy="uniform"), "numbers"),
    "landmarks": (partial(Nystroem, n_components=5), "numbers"),
    "cosines": (RBFSampler, "numbers"),
    "variances": (VarianceThreshold, "numbers"),
    "means": (SimpleImputer, "gaps"),
    "gaps": (MissingIndicator, "gaps"),
    "categories": (OneHotEncoder, "categories"),
    "places of categories": (OrdinalEncoder, "categories"),
    "words": (CountVectorizer, "texts"),
    "rare words": (TfidfVectorizer, "texts"),
    "columns": (partial(ColumnTransformer, [("some", StandardScaler(), [0, 1])]), "numbers"),
    "leaves": (LeafCodes, "numbers"),
    "a table": (TableFeatures, "table"),
    "a forest": (partial(RandomForestRegressor, n_estimators=2), "numbers"),
    "a forest of classes": (partial(RandomForestClassifier, n_estimators=2), "numbers"),
    "extra trees": (partial(ExtraTreesRegressor, n_estimators=2), "numbers"),
    "extra trees of classes": (partial(ExtraTreesClassifier, n_estimators=2), "numbers"),
    "a tree": (DecisionTreeRegressor, "numbers"),
    "a tree of classes": (DecisionTreeClassifier, "numbers"),
    "an extra tree": (ExtraTreeRegressor, "numbers"),
    "an extra tree of classes": (ExtraTreeClassifier, "numbers"),
    "a regression": (LogisticRegression, "numbers"),
    "positions": (partial(PositionsClassifier, IISVOR_IMC()), "numbers"),
}


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("name", PARTS)
def test_a_part_without_one_of_its_attributes(data, table, path, name):
    """It is refused, or does what it did; private attributes of scikit-learn are not looked at."""
    make, kind = PARTS[name]
    X, y = data
    X = {
        "numbers": X,
        "gaps": np.where(X > 2, np.nan, X),
        "categories": np.round(X),
        "texts": ["one two", "two three", "three four"] * (N // 3),
        "table": table,
    }[kind]
    model = make().fit(X, y)
    method = "transform" if hasattr(model, "transform") else "predict"
    expected = dense(getattr(model, method)(X))
    save_model(model, path)
    content = path.read_bytes()
    with path.open("rb") as stream:
        state = json.loads(unpack(stream)["model.json"])["model"]["state"]
    fitted = set(state) - set(model.get_params(deep=False))
    own = type(model).__module__.startswith("vilma.")
    refusals = []
    for each in fitted if own else {each for each in fitted if not each.startswith("_")}:
        path.write_bytes(content)
        edit(path, lambda file, each=each: file["model"]["state"].pop(each))
        try:
            part = load_model(path)
        except ValueError as error:
            refusals.append((each, str(error)))
        else:
            np.testing.assert_array_equal(dense(getattr(part, method)(X)), expected)
    assert refusals
    for each, message in refusals:
        assert f"model lacks the attribute {each!r}" in message


def dense(values):
    return values.toarray() if hasattr(values, "toarray") else values


def test_an_array_that_claims_to_be_larger(saved):
    with saved.open("rb") as stream:
        members = unpack(stream)
    array = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(array, header)
    rewrite(saved, {**members, "arrays/0.npy": array.getvalue()})
    with pytest.raises(ValueError, match=r"says the shape is \(1000000000000,\), but has 0 bytes"):
        load_model(saved)


@pytest.mark.parametrize(
    ("field", "value"),
    [("left_child", 10**6), ("right_child", -5), ("left_child", 0), ("feature", 99)],
)
def test_trees_that_lead_nowhere(data, path, field, value):
    save_model(LeafCodes(n_trees=1, random_state=0).fit(data[0]), path)
    with path.open("rb") as stream:
        members = unpack(stream)
    for name, content in members.items():
        if b"left_child" in content and name != "model.json":
            nodes = np.load(io.BytesIO(content))
            nodes[field][0] = value
            changed = io.BytesIO()
            np.save(changed, nodes)
            members[name] = changed.getvalue()
    rewrite(path, members)
    with pytest.raises(ValueError, match="a tree whose branches lead nowhere"):
        load_model(path)


def test_other_versions(saved, monkeypatch):
    edit(saved, lambda content: content.update(format="vilma-model-9"))
    with pytest.raises(ValueError, match="of the format 'vilma-model-9'; this version of vilma"):
        load_model(saved)
    edit(saved, lambda content: content.update(format=model_file.FORMAT, vilma_version="9.9"))
    with pytest.warns(UserWarning, match=r"was written by vilma 9\.9, this is"):
        load_model(saved)
    edit(
        saved,
        lambda content: content.update(
            vilma_version=vilma.__version__, scikit_learn_version="0.1"
        ),
    )
    with pytest.warns(UserWarning, match=r"was written by scikit-learn 0\.1, this is"):
        load_model(saved)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VILMA(loss=lambda d: d**2), r"model\.loss is the function .* matrix of costs"),
        (lambda: IISVOR_IMCCV(cv=2, scoring=len), "scoring is the function len"),
        (
            lambda: GridSearchCV(VILMA(), {"alpha": [0.1]}, cv=2),
            "GridSearchCV, which cannot be saved.*best_estimator_",
        ),
        (
            lambda: ConformalOrdinalClassifier(random_state=np.random.RandomState(0)),
            r"set_params\(random_state=None\)",
        ),
        (
            lambda: make_pipeline(LeafCodes(GradientBoostingRegressor(n_estimators=2)), VILMA()),
            "GradientBoostingRegressor, which cannot be saved",
        ),
    ],
)
def test_what_cannot_be_saved(data, path, make, message):
    model = make()
    if isinstance(model, IISVOR_IMCCV):
        model = IISVOR_IMCCV(cv=2).fit(*data).set_params(scoring=len)
    else:
        model.fit(*data)
    with pytest.raises(TypeError, match=message):
        save_model(model, path)
    assert not path.exists()


def test_settings_that_reach_beyond_the_model(data, saved, path, tmp_path):
    model = make_pipeline(StandardScaler(), VILMA(), memory=str(tmp_path)).fit(*data)
    with pytest.raises(ValueError, match=r"model\.memory is .* call set_params\(memory=None\)"):
        save_model(model, path)
    edit(saved, lambda content: content["model"]["state"].update(memory=str(tmp_path)))
    with pytest.raises(ValueError, match=r"model\.memory is"):
        load_model(saved)


def test_a_model_that_is_not_fitted(path):
    with pytest.raises(NotFittedError):
        save_model(VILMA(), path)
    assert not path.exists()


def test_metadata(data, path):
    save_model(VILMA().fit(*data), path, metadata={"note": "ages", "sizes": [1, 2.5, None]})
    with path.open("rb") as stream:
        content = model_file.read_model_file(stream, "model")
    assert content.metadata == {"note": "ages", "sizes": [1, 2.5, None]}
    with pytest.raises(TypeError, match=r"metadata\['when'\] is the function"):
        save_model(VILMA().fit(*data), path, metadata={"when": len})


def test_failure_leaves_the_old_file(data, path, monkeypatch):
    path.write_bytes(b"old")

    def fill_the_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        save_model(VILMA().fit(*data), path)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_range_is_a_scale(tmp_path):
    X = np.arange(12.0).reshape(-1, 1)
    model = IISVOR_IMC(classes=range(0, 8, 2)).fit(X, np.repeat([0, 2, 6], 4))
    save_model(model, tmp_path / "m.vilma")
    loaded = load_model(tmp_path / "m.vilma")
    assert loaded.classes == range(0, 8, 2)
    assert loaded.predict(X).tolist() == model.predict(X).tolist()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    model = IISVOR_IMC(0.1).fit([[0.0], [1.0], [2.0]], [1, 2, 3])
    with pytest.raises(FileNotFoundError, match=r"folder .*models does not exist; create it"):
        save_model(model, tmp_path / "models" / "model.vilma")
