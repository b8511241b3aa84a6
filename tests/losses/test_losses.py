import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vilma.losses import NAMED_LOSSES, cost_matrix, distance_loss, interval_insensitive


def test_named_losses_by_hand():
    assert cost_matrix("mae", 3).tolist() == [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
    assert cost_matrix("zero_one", 3).tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert cost_matrix("squared", 3).tolist() == [[0, 1, 4], [1, 0, 1], [4, 1, 0]]
    assert distance_loss("squared", [0.5, 2]).tolist() == [0.25, 4]


@pytest.mark.parametrize("name", NAMED_LOSSES)
@pytest.mark.parametrize("n_classes", [1, 2, 12])
def test_named_losses_are_v_shaped(name, n_classes):
    cost = cost_matrix(name, n_classes)
    assert cost.shape == (n_classes, n_classes)
    assert cost.dtype == np.float64
    np.testing.assert_array_equal(cost_matrix(cost, n_classes), cost)


def test_a_function_is_called_with_one_int_at_a_time():
    seen = []

    def truncated(distance):
        seen.append(distance)
        return min(distance, 2)

    cost = cost_matrix(truncated, 4)
    assert cost.tolist() == [[0, 1, 2, 2], [1, 0, 1, 2], [2, 1, 0, 1], [2, 2, 1, 0]]
    assert seen == [0, 1, 2, 3]
    assert all(type(distance) is int for distance in seen)


def test_a_function_may_return_numpy_numbers():
    expected = np.sqrt([0, 1, 2.5])
    assert distance_loss(np.sqrt, [0, 1, 2.5]).tolist() == expected.tolist()
    assert distance_loss(lambda d: np.array(d > 1), [0, 1, 2]).tolist() == [0, 0, 1]
    assert distance_loss(lambda d: d, np.ones((2, 3))).shape == (2, 3)


def test_an_asymmetric_matrix_is_kept():
    cost = [[0, 5, 9], [1, 0, 5], [1, 0, 0]]
    matrix = cost_matrix(cost, 3)
    assert matrix.tolist() == cost
    assert matrix.dtype == np.float64


def test_a_matrix_is_copied():
    cost = np.ones((2, 2)) - np.eye(2)
    matrix = cost_matrix(cost, 2)
    cost[0, 1] = 7
    assert matrix[0, 1] == 1


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        ("hinge", ValueError, "Unknown loss 'hinge'; expected one of ['mae', 'squared', 'zero_"),
        (None, TypeError, "got None"),
        (3.5, TypeError, "cost matrix of shape (3, 3); got 3.5"),
        ([[0, 1], [1]], TypeError, "should hold numbers in rows of equal length"),
        ([["a"]], TypeError, "should hold numbers in rows of equal length"),
        (np.zeros((2, 2)), ValueError, "has shape (2, 2), but the scale has 3 labels; expected"),
        (np.zeros((2, 2)), ValueError, "expected shape (3, 3)"),
        (np.ones((3, 3)), ValueError, "cost 0, but cost[0, 0] is 1"),
        ([[0, 1, np.inf], [1, 0, 1], [1, 1, 0]], ValueError, "finite, but cost[0, 2] is inf"),
        ([[0, 1, 1], [np.nan, 0, 1], [1, 1, 0]], ValueError, "finite, but cost[1, 0] is nan"),
        ([[0, 1, 1], [1, 0, 1], [1, -2, 0]], ValueError, "negative, but cost[2, 1] is -2"),
        (
            [[0, 1, 1], [2, 0, 1], [1, 1, 0]],
            ValueError,
            "true label 0, cost[1, 0] is 2 and cost[2, 0] is 1",
        ),
        (
            [[0, 1, 1], [1, 0, 3], [1, 1, 0]],
            ValueError,
            "true label 2, cost[1, 2] is 3 and cost[0, 2] is 1",
        ),
        (lambda d: d + 1, ValueError, "0 at the distance 0, but is 1 there"),
        (lambda d: -d, ValueError, "is 0 at the distance 0 and -1 at 1"),
        (lambda d: d % 2, ValueError, "is 1 at the distance 1 and 0 at 2"),
        (lambda d: d / 0 if d else 0, ZeroDivisionError, "division by zero"),
        (lambda d: np.inf if d > 1 else d, ValueError, "but is inf at the distance 2"),
        (lambda d: [d], ValueError, "but is [0] at the distance 0"),
        (lambda d: None, ValueError, "but is None at the distance 0"),
    ],
)
def test_bad_losses(loss, error, message):
    with pytest.raises(error, match=re.escape(message)):
        cost_matrix(loss, 3)


def test_distance_loss_wants_a_name_or_a_function():
    with pytest.raises(TypeError, match=r"got \[\[0\]\] of type list"):
        distance_loss([[0]], [1])


def _refused(cost):
    try:
        cost_matrix(cost, len(cost))
    except ValueError:
        return True
    return False


@settings(derandomize=True, deadline=None, max_examples=200)
@given(data=st.data())
def test_exactly_the_monotone_matrices_pass(data):
    Y = data.draw(st.integers(2, 5))
    cost = np.zeros((Y, Y))
    for true in range(Y):
        # Small integers, in order half of the time, so that both outcomes are common.
        for rows in (range(true + 1, Y), range(true - 1, -1, -1)):
            values = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
            cost[list(rows), true] = sorted(values) if data.draw(st.booleans()) else values
    monotone = all(
        cost[far, true] >= cost[near, true]
        for true in range(Y)
        for near in range(Y)
        for far in range(Y)
        if (true <= near < far) or (far < near <= true)
    )
    assert _refused(cost) == (not monotone)


def test_interval_insensitive_follows_its_definition():
    cost = np.array([[0, 5, 9, 9], [1, 0, 5, 6], [1, 0.5, 0, 2], [3, 2, 1, 0]])
    for lower in range(4):
        for upper in range(lower, 4):
            losses = interval_insensitive(cost, lower, upper, range(4))
            for y in range(4):
                if y < lower:
                    expected = cost[y, lower]
                elif y > upper:
                    expected = cost[y, upper]
                else:
                    expected = 0
                assert losses[y] == expected


def test_interval_insensitive_on_exact_labels_is_the_loss():
    cost = cost_matrix("squared", 5)
    true, predicted = np.indices((5, 5))
    losses = interval_insensitive(cost, true, true, predicted)
    np.testing.assert_array_equal(losses, cost[predicted, true])
