"""What the losses say about bad input, and that torch is needed only where it is used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
losses = importlib.import_module("vilma.deep.losses")

Z = torch.eye(3)
Y = torch.tensor([1.0, 2.0, 3.0])
LOGITS = torch.zeros(3, 4)
CODES = torch.tensor([0, 1, 2])

ON_EMBEDDINGS = {
    "supcon": lambda z, lower, upper: losses.supcon_loss(z, lower, upper),
    "accon": lambda z, lower, upper: losses.accon_loss(z, lower, upper, 10.0),
    "conr": lambda z, lower, upper: losses.conr_loss(z, torch.zeros(len(z)), lower, upper),
    "rank_contrast": lambda z, lower, upper: losses.rank_contrast_loss(z, lower, upper),
    "interval_l1": lambda z, lower, upper: losses.interval_l1(z[:, 0], lower, upper),
    "focal_r": lambda z, lower, upper: losses.focal_r_loss(z[:, 0], lower, upper),
    "multi_head": lambda z, lower, upper: losses.multi_head_loss(
        z, z, lower, upper, torch.tensor([1.0, 2.0])
    ),
}
ON_CLASSES = {
    "fcrc": losses.fcrc_loss,
    "posterior": losses.interval_posterior,
    "targets": lambda logits, lower, upper: losses.soft_targets(lower, upper, torch.eye(4)),
    "counts": lambda logits, lower, upper: losses.class_counts(lower, upper, 4),
    "weights": lambda logits, lower, upper: losses.sample_weights(torch.ones(4), lower, upper),
}


@pytest.mark.parametrize("loss", ON_EMBEDDINGS.values(), ids=ON_EMBEDDINGS)
def test_labels_that_are_no_intervals(loss):
    with pytest.raises(ValueError, match=r"row 1 has lower=4 and upper=2"):
        loss(Z, torch.tensor([1.0, 4.0, 9.0]), torch.tensor([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match=r"lower <= upper, but row 2 has lower=nan and upper=3"):
        loss(Z, torch.tensor([1.0, 2.0, torch.nan]), Y)
    with pytest.raises(ValueError, match=r"row 0 has lower=inf and upper=inf"):
        loss(Z, Y + torch.inf, Y + torch.inf)
    with pytest.raises(ValueError, match=r"upper should have the shape \(3,\).*got \(3, 1\)"):
        loss(Z, Y, Y[:, None])


@pytest.mark.parametrize("loss", ON_CLASSES.values(), ids=ON_CLASSES)
def test_labels_that_are_no_classes(loss):
    wanted = "0 <= lower <= upper < 4, but row 2 has "
    with pytest.raises(ValueError, match=f"{wanted}lower=4 and upper=4"):
        loss(LOGITS, CODES * 2, CODES * 2)
    with pytest.raises(ValueError, match="row 0 has lower=-1 and upper=0"):
        loss(LOGITS, CODES - 1, CODES)
    with pytest.raises(ValueError, match=f"{wanted}lower=2 and upper=1"):
        loss(LOGITS, CODES, torch.tensor([0, 1, 1]))
    with pytest.raises(ValueError, match=f"{wanted}lower=2 and upper=2.5"):
        loss(LOGITS, CODES, CODES + torch.tensor([0, 0, 0.5]))
    with pytest.raises(ValueError, match="row 1 has lower=nan"):
        loss(LOGITS, torch.tensor([0, torch.nan, 2]), CODES)
    with pytest.raises(ValueError, match=r"upper should have the shape"):
        loss(LOGITS, CODES, CODES[:2])


@pytest.mark.parametrize("loss", ["supcon", "accon", "conr", "rank_contrast"])
def test_embeddings_that_are_no_matrix(loss):
    with pytest.raises(ValueError, match=r"embeddings should be a matrix.*\(2, 2, 2\)"):
        ON_EMBEDDINGS[loss](torch.zeros(2, 2, 2), Y[:2], Y[:2])
    with pytest.raises(ValueError, match=r"embeddings should be a matrix.*\(0, 3\)"):
        ON_EMBEDDINGS[loss](torch.zeros(0, 3), Y[:0], Y[:0])
    with pytest.raises(TypeError, match=r"embeddings should hold floating-point .* torch.int64"):
        ON_EMBEDDINGS[loss](Z.long(), Y, Y)
    with pytest.raises(ValueError, match=r"lower should have the shape \(3,\)"):
        ON_EMBEDDINGS[loss](Z, Y[:2], Y[:2])


def test_labels_outside_the_range():
    with pytest.raises(ValueError, match=r"got 1\.5, but the labels of rows 0 and 2 are 2 apart"):
        losses.accon_loss(Z, Y, Y, 1.5)
    losses.accon_loss(Z, Y, Y + torch.inf, 2.0)  # an open end is not outside


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.supcon_loss(Z, Y, Y, temperature=0.0), "temperature .* above 0, got 0.0"),
        (lambda: losses.accon_loss(Z, Y, Y, 5.0, eps=0), "eps .* above 0"),
        (lambda: losses.accon_loss(Z, Y, Y, -1.0), "label_range .* above 0"),
        (lambda: losses.rank_contrast_loss(Z, Y, Y, temperature=float("nan")), "temperature"),
        (lambda: losses.conr_loss(Z, Y, Y, Y, window=-1), "window .* at least 0"),
        (lambda: losses.conr_loss(Z, Y, Y, Y, push=Y - 2), "push .* row 0 has -1"),
        (lambda: losses.conr_loss(Z, Y[:2], Y, Y), r"predictions .* \(3,\)"),
        (lambda: losses.supcon_loss(Z, Y, Y, groups=Y[:2]), r"groups .* \(3,\)"),
        (lambda: losses.supcon_loss(Z, Y, Y, samples=Y[:2]), r"samples .* \(3,\)"),
        (lambda: losses.interval_l1(Y, Y, Y, p=0.5), "p .* at least 1, got 0.5"),
        (lambda: losses.interval_l1(Y, Y, Y, weights=Y[:1]), r"weights .* \(3,\)"),
        (lambda: losses.focal_r_loss(Y, Y, Y, gamma=-1), "gamma .* at least 0"),
        (lambda: losses.fcrc_loss(LOGITS, CODES, CODES, variant="clip"), "'numclip', got 'clip'"),
        (lambda: losses.fcrc_loss(LOGITS, CODES, CODES, posterior=LOGITS[:1]), "3 rows, got 1"),
        (lambda: losses.cosine_logits(Z, LOGITS), "same space, got 3 and 4"),
        (lambda: losses.cosine_logits(Z, Z, -1.0), "temperature .* above 0"),
        (lambda: losses.symmetric_table(3, beta=-1), "beta .* at least 0"),
        (lambda: losses.symmetric_table(0), "n_classes .* at least 1"),
        (lambda: losses.gaussian_table(3, sigma=0), "sigma .* above 0"),
        (lambda: losses.asymmetric_table(torch.zeros(3)), "some positive"),
        (lambda: losses.soft_label_loss(LOGITS, LOGITS[:2]), "targets should have 3 rows, got 2"),
        (lambda: losses.soft_label_loss(LOGITS, Z), "targets should have 4 columns, got 3"),
        (lambda: losses.pml_loss(LOGITS, LOGITS, Z), "margins should have 4 columns, got 3"),
        (lambda: losses.pml_loss(LOGITS, LOGITS, LOGITS, form="ovo"), "'softmax', got 'ovo'"),
        (lambda: losses.posterior_targets(LOGITS, CODES, CODES, Z), "table should have 4 rows"),
        (lambda: losses.group_edges(0, 0, 3), "width .* above 0"),
        (lambda: losses.group_edges(0, 1, 0), "n_groups .* at least 1"),
        (lambda: losses.group_labels(Y, Y, -Y), "edges .* increasing"),
        (
            lambda: losses.multi_head_loss(Z, Z, Y, Y, Y),
            "class_logits should have 4 columns, got 3",
        ),
        (lambda: losses.progressive_margins(Z, Y, LOGITS), "ordinal should have 4 rows"),
        (
            lambda: losses.ClassStatistics(3, 2).update(Z, Z),
            "embeddings should have 2 columns, got 3",
        ),
        (lambda: losses.OrdinalMargin(3, 2)(Z), "table should have 6 columns.*, got 3"),
        (lambda: losses.OrdinalMargin(3, 2, floor=0), "floor .* above 0"),
        (lambda: losses.inverse_weights(-Y), r"counts should not be negative.*\[-1.0"),
        (lambda: losses.sqrt_inverse_weights(Y * 0), "some positive"),
        (lambda: losses.inverse_weights(Y, minimum=9, maximum=1), "minimum=9 and maximum=1"),
        (lambda: losses.lds_weights(Y, size=4), "odd number of labels, got 4"),
        (lambda: losses.lds_weights(Y, kernel="box"), "'laplace', got 'box'"),
        (lambda: losses.lds_weights(Y, base="log"), "'clip', got 'log'"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_torch_is_not_imported_with_vilma():
    run("import sys, vilma, vilma.deep; assert 'torch' not in sys.modules")


def test_a_missing_torch_is_named_with_its_extra():
    run(
        "import sys; sys.modules['torch'] = None\n"
        "try:\n"
        "    import vilma.deep.losses\n"
        "except ImportError as error:\n"
        "    assert '[deep]' in str(error) and 'torch' in str(error), error\n"
        "else:\n"
        "    raise AssertionError('no error')\n"
    )


def test_no_break_in_a_compiled_graph():
    y = torch.tensor([0, 1, 1, 2])
    z, logits = torch.randn(4, 3), torch.randn(4, 3)
    for loss in (
        lambda: losses.accon_loss(z, y, y, 2.0),
        lambda: losses.supcon_loss(z, y, y),
        lambda: losses.interval_l1(logits[:, 0], y, y),
        lambda: losses.soft_label_loss(
            logits, losses.posterior_targets(logits, y, y, torch.eye(3))
        ),
        lambda: losses.fcrc_loss(logits, y, y),
    ):
        explained = torch._dynamo.explain(loss)()
        assert explained.graph_break_count == 0, explained.break_reasons
