"""Heads, regularizers and networks, on numbers small enough to check by hand."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from vilma.deep import DeepOrdinalClassifier  # noqa: E402
from vilma.deep.encoders import ImageAdapter, dense_encoder  # noqa: E402
from vilma.deep.losses import rank_contrast_loss  # noqa: E402
from vilma.deep.network import Network, Penalty, Projection  # noqa: E402
from vilma.deep.objectives import (  # noqa: E402
    REGULARIZERS,
    AbsoluteError,
    AngleCompensation,
    FocalError,
    GroupHeads,
    LabelValues,
    Loss,
    ProgressiveMargin,
    RankContrast,
    Regularizer,
    SoftLabels,
    Task,
    find_loss,
)
from vilma.deep.objectives.regularizers import bins_of  # noqa: E402
from vilma.deep.rows import Batch, Rows  # noqa: E402
from vilma.deep.scale import Scale  # noqa: E402
from vilma.deep.sources import ArraySource  # noqa: E402

SCALE = Scale(np.array([10, 20, 40]))
TASK = Task(SCALE, np.array([4.0, 2.0, 2.0]))


def batch(lower, upper, weight=None, X=None):
    n = len(lower)
    return Batch(
        torch.zeros(n, 2) if X is None else X,
        torch.tensor(lower),
        torch.tensor(upper),
        torch.ones(n) if weight is None else torch.tensor(weight),
    )


# Scales ---------------------------------------------------------------------------------------


def test_positions():
    np.testing.assert_allclose(SCALE.positions, [0, 1 / 3, 1])
    assert SCALE.span == 30
    np.testing.assert_allclose(SCALE.to_values(np.array([-1, 0.5, 2])), [10, 25, 40])
    assert SCALE.nearest(np.array([10, 14.9, 15, 15.1, 31])).tolist() == [10, 10, 10, 20, 40]


def test_strings_and_booleans():
    assert Scale(np.array(["low", "mid", "high"])).values.tolist() == [0, 1, 2]
    assert Scale(np.array([False, True])).values.tolist() == [0, 1]


# Heads ----------------------------------------------------------------------------------------


def test_absolute_error():
    head = find_loss("l1").make_head(2, TASK, bias=True)
    scores = torch.tensor([[0.5], [-0.2], [0.6]])
    # Distances to [1/3, 1], {0} and [0, 1/3]: 0, 0.2 and 0.6 - 1/3.
    loss = head.loss(scores, torch.zeros(3, 2), batch([1, 0, 0], [2, 0, 1], [1.0, 3.0, 2.0]))
    assert loss.item() == pytest.approx((0.6 + 2 * (0.6 - 1 / 3)) / 3)
    square = AbsoluteError(power=2.0).make_head(2, TASK, bias=True)
    loss = square.loss(scores, torch.zeros(3, 2), batch([1, 0, 0], [2, 0, 1]))
    assert loss.item() == pytest.approx((0.04 + (0.6 - 1 / 3) ** 2) / 3)
    assert head.linear.bias.item() == 0.5
    assert find_loss("l1").make_head(2, TASK, bias=False).linear.bias is None


def test_focal_error_is_in_label_units():
    head = FocalError(sharpness=0.2, gamma=1.0).make_head(2, TASK, bias=True)
    loss = head.loss(torch.tensor([[0.5]]), torch.zeros(1, 2), batch([0], [0]))
    expected = 15.0 * (2.0 / (1.0 + np.exp(-3.0)) - 1.0) / 30.0  # the error is 15 years
    assert loss.item() == pytest.approx(expected)


def test_soft_labels():
    head = SoftLabels("symmetric", beta=1.0).make_head(2, TASK, bias=True)
    scores = torch.tensor([[0.2, -0.1, 0.4]])
    target = np.exp([-1.0, 0.0, -1.0])
    target /= target.sum()
    logs = scores.log_softmax(dim=1).numpy()[0]
    loss = head.loss(scores, torch.zeros(1, 2), batch([1], [1]))
    assert loss.item() == pytest.approx(-(target * logs).sum(), rel=1e-5)
    mean = scores.softmax(dim=1).numpy()[0] @ SCALE.positions
    assert head.predict(scores).item() == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize(("rule", "position"), [("mode", 0.0), ("median", 1 / 3), ("mean", 0.5)])
def test_rules(rule, position):
    head = SoftLabels("exact", rule=rule).make_head(2, TASK, bias=True)
    scores = torch.tensor([[0.4, 0.15, 0.45]]).log()
    if rule == "mode":
        scores = torch.tensor([[0.5, 0.15, 0.35]]).log()
    assert head.predict(scores).item() == pytest.approx(position, abs=1e-6)


def test_groups():
    head = GroupHeads(2, form="exact").make_head(2, TASK, bias=False)
    assert head.edges.tolist() == [0.5]
    np.testing.assert_allclose(head.linear.bias.detach()[2:], [0.25, 0.75])
    scores = torch.tensor([[1.0, 0.0, 0.2, 0.9]])
    # The label 20 is in the first group: cross entropy, and the first regressor's error.
    loss = head.loss(scores, torch.zeros(1, 2), batch([1], [1]))
    assert loss.item() == pytest.approx(np.log(1 + np.exp(-1.0)) + (1 / 3 - 0.2), rel=1e-5)
    assert head.predict(scores).item() == pytest.approx(0.2)
    share = 1 / (1 + np.exp(-1.0))
    soft = GroupHeads(2, soft=True).make_head(2, TASK, bias=False).predict(scores)
    assert soft.item() == pytest.approx(share * 0.2 + (1 - share) * 0.9, rel=1e-5)


def test_progressive_margin_keeps_the_statistics_of_the_last_stage():
    head = ProgressiveMargin().make_head(2, TASK, bias=True)
    embedding = torch.tensor([[1.0, 2.0], [0.5, 0.1]])
    before = head.earlier.clone()
    head.loss(head(embedding), embedding, batch([0, 1], [0, 2]))
    assert torch.equal(head.earlier, before)
    head.begin_stage(1)
    assert not torch.equal(head.earlier, before)
    assert torch.equal(head.earlier, head.statistics.table())


# Networks -------------------------------------------------------------------------------------


class Recorder(Regularizer):
    """Notes what regularizers are given."""

    projects = True

    def __init__(self):
        self.seen = []

    def penalty(self, embedding, predictions, labels):
        self.seen.append((embedding, predictions, labels))
        return embedding.sum() * 0.0 + 7.0


def network(**parameters):
    head = find_loss("l1").make_head(2, TASK, bias=True)
    return Network(torch.nn.Identity(), head, SCALE, embedding_size=2, **parameters)


def test_regularizers_see_label_units():
    recorder = Recorder()
    net = network(penalties=[Penalty(recorder, 0.5)])
    rows = batch([0, 0, 0, 1, 0], [0, 1, 1, 1, 2])
    loss = net.training_loss(rows, "all")
    (embedding, predictions, labels) = recorder.seen[0]
    np.testing.assert_allclose(labels.lower + 10, [10, 10, 10, 20, 10], rtol=1e-6)
    np.testing.assert_allclose(labels.upper + 10, [10, 20, 20, 20, 40], rtol=1e-6)
    np.testing.assert_allclose(predictions, 15.0)  # the middle of a scale 30 long
    assert labels.samples is None
    assert labels.groups[1] == labels.groups[2]
    assert len(set(labels.groups.tolist())) == 4
    alone = net.head.loss(net.head(embedding), embedding, rows)
    assert loss.item() == pytest.approx(alone.item() + 3.5)
    assert net.training_loss(rows, "encoder").item() == 7.0
    assert net.training_loss(rows, "head").item() == pytest.approx(alone.item())


def test_ranked_contrast_of_groups():
    net = network(penalties=[Penalty(RankContrast(n_groups=2))])
    X = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    grouped = net.training_loss(batch([0, 0, 1, 1, 2], [0, 1, 1, 2, 2], X=X), "encoder")
    # The labels 10 and 20 are below the middle, 25.
    groups = torch.tensor([0, 0, 0, 0, 1]), torch.tensor([0, 0, 0, 1, 1])
    assert grouped.item() == pytest.approx(rank_contrast_loss(X, *groups).item())


def test_annotations_that_say_nothing_are_alone():
    recorder = Recorder()
    network(penalties=[Penalty(recorder)]).training_loss(batch([0, 0, 1], [2, 2, 2]), "all")
    assert len(set(recorder.seen[0][2].groups.tolist())) == 3


def test_two_views_share_labels():
    recorder = Recorder()
    net = network(penalties=[Penalty(recorder)], augmentation=lambda X: X + 1.0)
    net.training_loss(batch([0, 1], [0, 2]), "all")
    embedding, _, labels = recorder.seen[0]
    assert embedding.shape == (4, 2)
    assert labels.samples.tolist() == [0, 1, 0, 1]
    assert labels.groups.tolist() == labels.groups.tolist()[:2] * 2


def test_the_error_of_validation():
    net = network()
    X = torch.zeros(3, 2)
    # All predictions are 0.5.
    error = net.error(batch([0, 1, 2], [0, 2, 2], X=X))
    np.testing.assert_allclose(error.detach(), [0.5, 0.0, 0.5])


def test_projections_have_length_one():
    found = Projection(3, 5)(torch.randn(4, 3))
    np.testing.assert_allclose(found.detach().norm(dim=1), 1.0, rtol=1e-5)


def test_image_adapter_mixes():
    adapter = ImageAdapter(4, ratio=0.25)
    X = torch.randn(3, 4)
    unit = X / X.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(adapter(X).detach(), unit, rtol=1e-5)  # to begin with
    torch.nn.init.normal_(adapter.layers[-1].weight)
    mixed = 0.25 * adapter.layers(unit) + 0.75 * unit
    expected = mixed / mixed.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(adapter(X).detach(), expected.detach(), rtol=1e-5)


def test_constant_columns_do_not_divide_by_zero():
    X = np.array([[1.0, 0.1], [3.0, 0.1]], dtype=np.float32)
    rows = Rows(ArraySource(X), *[np.arange(2)] * 3, np.ones(2))
    found = dense_encoder(rows, [], 0.0)(torch.from_numpy(X))
    np.testing.assert_allclose(found, [[-1, 0], [1, 0]], atol=1e-6)


def test_rows_travel_as_bytes():
    source = ArraySource(np.full((4, 2), 200, np.uint8))
    rows = Rows(source, *[np.arange(4)] * 3, np.ones(4)).take(np.array([1, 2]))
    (found,) = rows.batches([np.array([1])], torch.device("cpu"))
    assert found.X.dtype == torch.float32
    assert found.X.tolist() == [[200.0, 200.0]]
    assert found.lower.tolist() == [2]


# Several regularizers, bins, and losses of one's own ------------------------------------------


def _labels(ends, groups, span=30.0):
    lower, upper = torch.tensor(ends).T
    return LabelValues(lower, upper, span, torch.tensor(groups), None)


def test_several_regularizers_are_weighted():
    X = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    rows = batch([0, 0, 1, 2], [0, 0, 1, 2], X=X)
    parts = [AngleCompensation(), RankContrast()]
    values = [network(penalties=[Penalty(each)]).training_loss(rows, "encoder") for each in parts]
    assert min(values) > 0
    both = network(penalties=[Penalty(parts[0], 0.5), Penalty(parts[1], 2.0)])
    alone = both.head.loss(both.head(X), X, rows)
    expected = 0.5 * values[0] + 2.0 * values[1]
    torch.testing.assert_close(both.training_loss(rows, "all"), alone + expected)
    torch.testing.assert_close(both.training_loss(rows, "encoder"), expected / 2.5)


@pytest.mark.parametrize("loss", ["gaussian", "l1"])
def test_what_several_regularizers_see(loss):
    model = DeepOrdinalClassifier(
        loss,
        regularizer=["accon", "conr", "supcon"],
        hidden_layer_sizes=(5,),
        embedding_dim=3,
        max_epochs=1,
        random_state=0,
    ).fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    first, second, third = (each.projection for each in model.network_.penalties)
    assert isinstance(second, torch.nn.Identity)
    if loss == "l1":  # the number is read off the projection, which all of them see
        assert isinstance(model.network_.projection, Projection)
        assert isinstance(first, torch.nn.Identity)
        assert isinstance(third, torch.nn.Identity)
    else:
        assert isinstance(model.network_.projection, torch.nn.Identity)
        assert first.linear.weight.shape == third.linear.weight.shape == (3, 5)
        assert not torch.equal(first.linear.weight, third.linear.weight)


def test_bins_decide_what_is_alike():
    labels = _labels(
        [[0.0, 0.0], [9.0, 9.0], [2.0, 8.0], [5.0, 12.0], [29.0, 30.0]], [0, 1, 2, 3, 4]
    )
    assert bins_of(labels, None).tolist() == [0, 1, 2, 3, 4]
    assert bins_of(labels, 3).tolist() == [0, 0, 0, 6, 2]
    embedding = torch.randn(5, 3)
    alone = AngleCompensation().penalty(embedding, torch.zeros(5), labels)
    assert alone.item() == 0.0  # no two annotations are the same
    assert AngleCompensation(n_groups=3).penalty(embedding, torch.zeros(5), labels).item() > 0.0


def test_squared_errors_of_group_heads():
    head = GroupHeads(2, form="exact", power=2.0).make_head(2, TASK, bias=False)
    scores = torch.tensor([[1.0, 0.0, 0.2, 0.9]])
    loss = head.loss(scores, torch.zeros(1, 2), batch([1], [1]))
    assert loss.item() == pytest.approx(np.log(1 + np.exp(-1.0)) + (1 / 3 - 0.2) ** 2, rel=1e-5)


def test_a_loss_without_constraints():
    class Plain(Loss):
        def make_head(self, n_inputs, task, *, bias):
            return find_loss("l1").make_head(n_inputs, task, bias=bias)

    own = Plain()
    assert find_loss(own) is own


def test_weights_by_default():
    found = {name: REGULARIZERS[name].usual_weight for name in REGULARIZERS}
    assert found == {"accon": 1.0, "supcon": 0.1, "rank_contrast": 1.0, "conr": 0.01}
    model = DeepOrdinalClassifier(regularizer=["supcon", "conr"], max_epochs=1)
    model.fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    assert [each.weight for each in model.network_.penalties] == [0.1, 0.01]
    model.set_params(regularizer="conr").fit([[0.0], [1.0]], [0, 1])
    assert [each.weight for each in model.network_.penalties] == [0.01]
    model.set_params(loss="iisvor_exp", regularizer=["accon", "conr"]).fit([[0.0], [1.0]], [0, 1])
    assert [each.weight for each in model.network_.penalties] == [0.1, 0.01]
    model.set_params(regularizer_weight=0.5).fit([[0.0], [1.0]], [0, 1])
    assert [each.weight for each in model.network_.penalties] == [0.5, 0.5]
