"""RegCLIP: coarse labels, texts, and the way from bins to a position."""

import pickle

import numpy as np
import pytest

from vilma.deep.coarse_labels import COARSE_LABELS, CoarseLabels, divide_scale

torch = pytest.importorskip("torch", reason="torch is not installed")

from vilma.deep import RegCLIPClassifier, embed_texts  # noqa: E402
from vilma.deep.prompts import PromptLearner, load_text_model  # noqa: E402

QUICK = {"max_epochs": 3, "random_state": 0}


def data(m=100, n=8, seed=0):
    """Directions that turn from one axis to another with age, 5 to 74."""
    rng = np.random.default_rng(seed)
    y = rng.integers(5, 75, size=m)
    angle = y / 50.0
    X = np.zeros((m, n))
    X[:, 0], X[:, 1] = np.cos(angle), np.sin(angle)
    return X + 0.05 * rng.normal(size=(m, n)), y


def brackets(y, width=10):
    lower = np.clip(y // width * width, 5, 74)
    return np.stack([lower, np.clip(lower + width - 1, 5, 74)], axis=1)


# Coarse labels --------------------------------------------------------------------------------


def test_ages():
    labels = np.array([0, 12, 13, 18, 19, 34, 35, 64, 65, 90])
    bins = divide_scale("age", labels, labels.astype(float))
    assert bins.of_label.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert bins.names[0] == "child"
    assert bins.names[4] == "older adult"
    assert COARSE_LABELS["age"].prompts[1] == "a photo of a person, who is a teenager"
    assert bins.template == COARSE_LABELS["age"].template


@pytest.mark.parametrize("name", COARSE_LABELS)
def test_every_table_covers_its_scale(name):
    table = COARSE_LABELS[name]
    labels = np.asarray(table.begins)
    bins = divide_scale(name, labels, labels.astype(float))
    assert bins.names == table.names
    assert bins.of_label.tolist() == list(range(5))


def test_parts_without_a_label_are_no_bins():
    labels = np.array([20, 30, 70])
    bins = divide_scale("age", labels, labels.astype(float))
    assert bins.names == ("young adult", "older adult")
    assert bins.chosen.tolist() == [2, 4]
    assert bins.n_names == 5


def test_equal_parts():
    labels = np.arange(10)
    bins = divide_scale(3, labels, labels.astype(float))
    assert bins.of_label.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
    assert bins.names == ("0 to 3", "3 to 6", "6 to 9")


def test_borders_are_half_way_between_labels():
    labels = np.array([0, 10, 20, 40])
    bins = divide_scale(lambda _: ["a", "a", "b", "c"], labels, labels.astype(float))
    np.testing.assert_allclose(bins.borders(labels / 40), [0, 0.375, 0.75, 1.0])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda labels: ["a"], "a name for each of the 4 labels, got 1"),
        (lambda labels: ["a", "b", "a", "a"], "gives the name 'a' to labels that are not neigh"),
        (lambda labels: ["a"] * 4, "are in one part of the scale, 'a'"),
        (CoarseLabels(("x", "y"), (20, 30)), "label 10 is below 20, where the first"),
    ],
)
def test_bad_coarse_labels(source, message):
    labels = np.array([10, 20, 30, 40])
    with pytest.raises(ValueError, match=message):
        divide_scale(source, labels, labels.astype(float))


@pytest.mark.parametrize(
    ("names", "begins", "message"),
    [
        (("a",), (0,), "two or more names"),
        (("a", "b"), (0,), "2 names and 1 beginnings"),
        (("a", "b"), (1, 0), "should increase"),
    ],
)
def test_bad_tables(names, begins, message):
    with pytest.raises(ValueError, match=message):
        CoarseLabels(names, begins)
    with pytest.raises(ValueError, match=r"should have one .* for the name, got 'a photo'"):
        CoarseLabels(("a", "b"), (0, 1), "a photo")


# The estimator --------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", ["exact", "intervals"])
@pytest.mark.parametrize("variant", ["paper", "numclip"])
def test_it_learns(labels, variant):
    X, y = data()
    model = RegCLIPClassifier(
        coarse_labels="age", variant=variant, learning_rate=0.02, max_epochs=60, random_state=0
    )
    model.fit(X, brackets(y) if labels == "intervals" else y)
    assert np.abs(model.predict(X) - y).mean() < 6.0


def test_before_training_each_bin_says_its_middle():
    X, y = data()
    model = RegCLIPClassifier(
        coarse_labels=2, classes=range(5, 75), learning_rate=1e-12, max_epochs=1, random_state=0
    ).fit(X, y)
    embedding = torch.from_numpy(model.transform(X))
    with torch.no_grad():
        shares = model.network_.head(embedding).softmax(dim=1).double().numpy()
    # The parts meet half-way between the labels 39 and 40.
    expected = shares @ [(5 + 39.5) / 2, (39.5 + 74) / 2]
    np.testing.assert_allclose(model.project(X), expected, rtol=1e-5)


def test_text_embeddings_are_where_training_begins():
    X, y = data()
    texts = np.random.default_rng(1).normal(size=(5, 8))
    model = RegCLIPClassifier(
        texts, coarse_labels="age", learning_rate=1e-12, max_epochs=1, random_state=0
    ).fit(X, y)
    unit = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    weights = model.network_.head.texts.embeddings.detach().numpy()
    np.testing.assert_allclose(weights, unit, atol=1e-5)
    adults = RegCLIPClassifier(
        texts, coarse_labels="age", learning_rate=1e-12, max_epochs=1, random_state=0
    ).fit(X[y > 20], y[y > 20])
    weights = adults.network_.head.texts.embeddings.detach().numpy()
    np.testing.assert_allclose(weights, unit[2:], atol=1e-5)


def test_good_texts_help_few_examples():
    X, y = data(m=400)
    middles = np.array([6, 16, 27, 50, 70]) / 50.0
    texts = np.zeros((5, 8))
    texts[:, 0], texts[:, 1] = np.cos(middles), np.sin(middles)
    few = slice(0, 12)
    errors = [
        np.abs(
            RegCLIPClassifier(start, coarse_labels="age", classes=range(5, 75), **QUICK)
            .fit(X[few], y[few])
            .predict(X)
            - y
        ).mean()
        for start in (texts, None)
    ]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("shape", [(4, 8), (5, 7)])
def test_text_embeddings_of_the_wrong_number_or_size(shape):
    X, y = data()
    with pytest.raises(ValueError, match=r"text_embeddings should have shape \(5, 8\), a row for"):
        RegCLIPClassifier(np.ones(shape), coarse_labels="age").fit(X, y)


def test_y_ratio_zero_keeps_directions():
    X, y = data()
    model = RegCLIPClassifier(y_ratio=0.0, **QUICK).fit(X, y)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    np.testing.assert_allclose(model.transform(X), unit, atol=1e-6)


def test_without_training_texts_decide():
    X, y = data()
    middles = np.array([6, 16, 27, 50, 70]) / 50.0
    texts = np.zeros((5, 8))
    texts[:, 0], texts[:, 1] = np.cos(middles), np.sin(middles)
    settings = {"coarse_labels": "age", "max_epochs": 0, "temperature": 0.01, "random_state": 0}
    model = RegCLIPClassifier(texts, classes=range(5, 75), **settings).fit(X)
    assert model.n_iter_ == len(model.history_) == 0
    cosines = X / np.linalg.norm(X, axis=1, keepdims=True) @ texts.T
    expected = np.exp(cosines / 0.01)
    expected /= expected.sum(axis=1, keepdims=True)
    found = model.predict_coarse_proba(X)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.mean(found.argmax(axis=1) == model.bins_.of_label[y - 5]) > 0.7
    labelled = RegCLIPClassifier(texts, **settings).fit(X, np.where(y < 40, 5, 74))
    assert labelled.classes_.tolist() == [5, 74]
    with pytest.raises(ValueError, match="requires y to be passed"):
        RegCLIPClassifier(texts, classes=range(5, 75)).fit(X)


def test_an_image_encoder_is_trained():
    X, y = data()
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(8, 6))
    model = RegCLIPClassifier(encoder=encoder, **QUICK).fit(X.reshape(-1, 2, 4), y)
    assert model.transform(X.reshape(-1, 2, 4)).shape == (100, 6)
    assert not torch.equal(model.network_.encoder[1].weight, encoder[1].weight)


def test_an_interrupted_training_goes_on(tmp_path):
    X, y = data()
    file = tmp_path / "a.pt"
    whole = RegCLIPClassifier(**QUICK).fit(X, y)
    RegCLIPClassifier(checkpoint=file, **QUICK).fit(X, y)
    again = RegCLIPClassifier(checkpoint=file, **QUICK).fit(X, y)
    np.testing.assert_array_equal(whole.project(X), again.project(X))
    with pytest.raises(ValueError, match="another configuration"):
        RegCLIPClassifier(checkpoint=file, coarse_labels="age", **QUICK).fit(X, y)


# Prompts --------------------------------------------------------------------------------------


class Words:
    """A tokenizer that numbers words by their first letter."""

    bos_token_id, eos_token_id = 0, 59

    def __call__(self, text, add_special_tokens):
        assert not add_special_tokens
        return {"input_ids": [ord(word[0]) % 50 + 1 for word in text.split()]}


@pytest.fixture(scope="module")
def clip():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    common = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config={
            **common,
            "num_hidden_layers": 2,
            "vocab_size": 60,
            "max_position_embeddings": 20,
            "projection_dim": 8,
            "bos_token_id": 0,
            "eos_token_id": 59,
            "pad_token_id": 59,
        },
        vision_config={
            **common,
            "num_hidden_layers": 1,
            "image_size": 8,
            "patch_size": 4,
            "projection_dim": 8,
        },
        projection_dim=8,
    )
    return transformers.CLIPModel(config).eval()


def test_prompts_without_context_are_the_texts_of_the_model(clip):
    prompts = PromptLearner(clip, Words(), ("child", "older adult"), "a photo of a {}", 0)
    words = Words()
    for k, name in enumerate(("child", "older adult")):
        ids = words(f"a photo of a {name}", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            expected = clip.get_text_features(input_ids=torch.tensor([[0, *ids, 59]]))
            found = prompts()[k]
        np.testing.assert_allclose(found, expected.pooler_output[0], atol=1e-6)


def test_words_are_learned_and_the_model_is_not(clip):
    X, y = data()
    before = {name: value.clone() for name, value in clip.state_dict().items()}
    model = RegCLIPClassifier(
        text_model=(clip, Words()), n_context=3, coarse_labels="age", **QUICK
    ).fit(X, y)
    prompts = model.network_.head.texts
    fresh = PromptLearner(clip, Words(), model.bins_.names, model.bins_.template, 3)
    assert prompts.context.shape == (3, 16)
    assert not torch.equal(prompts.names, fresh.names)
    for name, value in prompts.model.state_dict().items():
        assert torch.equal(value, before[name])
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.project(X), model.project(X))


def test_prompts_of_a_resumed_training(clip, tmp_path):
    X, y = data()
    settings = {"text_model": (clip, Words()), "checkpoint": tmp_path / "a.pt", **QUICK}
    settings["coarse_labels"] = "age"
    model = RegCLIPClassifier(**settings).fit(X, y)
    again = RegCLIPClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(again.project(X), model.project(X))


def test_the_models_own_temperature(clip):
    X, y = data()
    settings = {"text_model": (clip, Words()), "coarse_labels": "age", **QUICK}
    head = RegCLIPClassifier(**settings).fit(X, y).network_.head
    assert head.temperature == pytest.approx(np.exp(-clip.logit_scale.item()))
    assert (
        RegCLIPClassifier(temperature=0.2, **settings).fit(X, y).network_.head.temperature == 0.2
    )
    assert head.texts.model.vision_model is None
    assert clip.vision_model is not None


def test_prompts_of_numbers_get_a_word(clip):
    X, y = data()
    with pytest.warns(
        UserWarning, match="coarse_labels=5 makes prompts of numbers, such as '5 to"
    ):
        RegCLIPClassifier(text_model=(clip, Words()), **QUICK).fit(X, y)


def test_embedded_texts_are_those_of_the_prompts(clip):
    X, y = data()
    texts = embed_texts((clip, Words()), COARSE_LABELS["age"].prompts)
    settings = {"coarse_labels": "age", "max_epochs": 0, "temperature": 0.1, "random_state": 0}
    a = RegCLIPClassifier(texts, **settings).fit(X, y)
    b = RegCLIPClassifier(text_model=(clip, Words()), **settings).fit(X, y)
    np.testing.assert_allclose(a.predict_coarse_proba(X), b.predict_coarse_proba(X), atol=1e-5)
    with pytest.raises(ValueError, match="sequence of one text or more, got 'a child'"):
        embed_texts((clip, Words()), "a child")


def test_text_model_in_a_folder(clip, tmp_path):
    clip.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"the tokenizer has \d+ words where the model has 60"):
        load_text_model(tmp_path)
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_text_model(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"text_embeddings": np.ones((5, 8))}, "text_embeddings or text_model, not both"),
        ({"n_context": 30}, r"longest text has \d+ tokens with n_context=30, but .* takes 20"),
    ],
)
def test_bad_prompts(parameters, message, clip):
    X, y = data()
    with pytest.raises(ValueError, match=message):
        RegCLIPClassifier(
            text_model=(clip, Words()), coarse_labels="age", **{**QUICK, **parameters}
        ).fit(X, y)


def test_prompts_of_another_width(clip):
    X, y = data(n=5)
    with pytest.raises(ValueError, match=r"embeds texts in 8 dimensions, but .* have 5"):
        RegCLIPClassifier(text_model=(clip, Words()), coarse_labels="age").fit(X, y)
    with pytest.raises(ValueError, match=r"should be a folder, a name, or a pair .* got int"):
        RegCLIPClassifier(text_model=3, coarse_labels="age").fit(X, y)
