r"""Kernels of the V-shaped surrogate (VILMA) at fixed scores.

With labels as numbers :math:`y_0 < y_1 < \dots` and biases b, the loss of one example is

    max_{y <= l} [ D(y, l) + s (y - l) + b_y - b_l ]
  + max_{y >= u} [ D(y, u) + s (y - u) + b_y - b_u ].

Both sides are the same program in x = direction * s, with direction -1 for predictions below the
lower endpoint and +1 above the upper one: label y has, as a function of x, the slope
``|y - endpoint|`` and the intercept ``D(y, endpoint) + b_y - b_endpoint``. All examples that share
an endpoint share these lines. Their upper envelope between the smallest and the largest x of the
group consists of a few lines and the *breakpoints* where one takes over from another; with x
sorted within each endpoint and prefix sums kept, value and derivatives cost a binary search per
breakpoint and one pass over the lines of every endpoint, no pass over the examples. A label *wins*
a side of an example where its line is the largest.

An envelope reads the costs of one endpoint. So the kernels take them transposed,
``endpoint_cost[endpoint, y]`` = D(y, endpoint), where ``cost[y, y_true]`` has them by columns.

**Smoothing.** The mean loss has a kink for every example, and at its minimum the labels of tied
examples must be mixed so that the derivative in b vanishes. Averaging over a shift of all scores
by t in [-h, h] does that mixing: an example within h of a breakpoint goes beyond it by the
fraction ``(x - breakpoint + h) / (2 h)``. The averaged function is convex with a Lipschitz
derivative, Newton's method drives that derivative to rounding level, and there the fractions, the
:math:`\pi^-, \pi^+` of ``plane.py``, make a plane whose bias part cancels. The plane is valid for
any h, because its fractions are a convex combination of labels for every example; a wide window
only makes it less tight, by an amount that falls with h^2 and is measured. (A proximal bundle
method on the loss itself was tried first and needs hundreds of planes: with many examples the loss
is nearly smooth.)

**The Hessian is a graph Laplacian.** A breakpoint between labels p and q moves by
(db_p - db_q) / |y_q - y_p|, and the weight w within its window adds

.. math:: \frac{w}{2 h\, |y_q - y_p|} (db_p - db_q)^2

to :math:`db^T H db`: the Hessian H in b is the Laplacian matrix of a weighted graph whose nodes
are the labels and whose edges are the breakpoints that have examples near them. Envelopes of
neighbouring endpoints share most of their breakpoints, so the graph is sparse, and Newton's
systems take time in proportion to its edges instead of the cube of the labels. The Schur
complement of a node in a Laplacian matrix is a Laplacian matrix; every edge weight is then a sum
of positive numbers and keeps its relative accuracy, however much the weights of the examples
differ.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit


@njit
def sort_by_label(order, label, place, members):
    """Write the examples to `members`, label after label, in the given order within each.

    `place` is where each label begins, and is used up.
    """
    for position in range(order.shape[0]):
        i = order[position]
        members[place[label[i]]] = i
        place[label[i]] += 1


@njit
def prefix_sums(values, members, sums):
    """Write the sums of the members' values before every place; ``sums[0]`` is 0.

    Compensated: the balance of a plane is read off these sums.
    """
    lost = 0.0
    for position in range(members.shape[0]):
        term = values[members[position]] - lost
        sums[position + 1] = sums[position] + term
        lost = (sums[position + 1] - sums[position]) - term


@njit
def _bisect(sorted_x, start, stop, value, behind_ties):
    """Place of `value` in ``sorted_x[start:stop]``, before or behind what equals it."""
    while start < stop:
        middle = (start + stop) // 2
        if sorted_x[middle] < value or (behind_ties and sorted_x[middle] == value):
            start = middle + 1
        else:
            stop = middle
    return start


@njit
def find_envelope(
    label_values, endpoint_cost, biases, endpoint, direction, low, high, hull, breaks
):
    """Upper envelope between `low` and `high` of the lines of one endpoint.

    Returns its number of lines; line ``hull[j]``, of growing slope, takes over at ``breaks[j]``.
    """
    n_labels = label_values.shape[0]
    own = label_values[endpoint]
    # The best lines at both ends: steeper and flatter ones are nowhere the best in between. Of
    # equal ones the flattest is the first and the steepest the last.
    first = endpoint
    last = endpoint
    best_low = -np.inf
    best_high = -np.inf
    costs = endpoint_cost[endpoint]
    if direction > 0:
        for j in range(endpoint, n_labels):
            intercept = costs[j] + biases[j]
            slope = label_values[j] - own
            if intercept + slope * low > best_low:
                best_low = intercept + slope * low
                first = j
            if intercept + slope * high >= best_high:
                best_high = intercept + slope * high
                last = j
    else:
        for j in range(endpoint + 1):
            intercept = costs[j] + biases[j]
            slope = own - label_values[j]
            if intercept + slope * low >= best_low:
                best_low = intercept + slope * low
                first = j
            if intercept + slope * high > best_high:
                best_high = intercept + slope * high
                last = j
    hull[0] = first
    n_hull = 1
    for j in range(first + direction, last + direction, direction):
        intercept = endpoint_cost[endpoint, j] + biases[j]
        crossing = 0.0
        while True:
            before = hull[n_hull - 1]
            crossing = endpoint_cost[endpoint, before] + biases[before] - intercept
            crossing /= (label_values[j] - label_values[before]) * direction
            if n_hull > 1 and crossing <= breaks[n_hull - 1]:
                n_hull -= 1
            else:
                break
        hull[n_hull] = j
        breaks[n_hull] = crossing
        n_hull += 1
    return n_hull


@njit
def side_value(label_values, endpoint_cost, biases, side, hull, breaks):
    """Sum of one side's losses, not smoothed."""
    direction, starts, sorted_x, weight_before, x_before = side
    value = 0.0
    for endpoint in range(label_values.shape[0]):
        start, stop = starts[endpoint], starts[endpoint + 1]
        if start == stop:
            continue
        n_hull = find_envelope(
            label_values,
            endpoint_cost,
            biases,
            endpoint,
            direction,
            sorted_x[start],
            sorted_x[stop - 1],
            hull,
            breaks,
        )
        first = start
        for j in range(n_hull):
            last = stop
            if j + 1 < n_hull:
                last = _bisect(sorted_x, first, stop, breaks[j + 1], True)
            line = hull[j]
            if last > first and line != endpoint:
                slope = (label_values[line] - label_values[endpoint]) * direction
                intercept = endpoint_cost[endpoint, line] + biases[line] - biases[endpoint]
                value += slope * (x_before[last] - x_before[first])
                value += intercept * (weight_before[last] - weight_before[first])
            first = last
    return value


@njit
def _add_edge(graph, p, q, edge_weight):
    """Add to the weight of the edge between two nodes.

    The graph is the matrix of edge weights, for every node the list of its neighbours, and the
    lengths of these lists.
    """
    matrix, neighbours, degree = graph
    if edge_weight == 0.0:
        return
    if matrix[p, q] == 0.0:
        neighbours[p, degree[p]] = q
        neighbours[q, degree[q]] = p
        degree[p] += 1
        degree[q] += 1
    matrix[p, q] += edge_weight
    matrix[q, p] = matrix[p, q]


@njit
def add_side_derivatives(problem, biases, half_width, side, gradient, graph, scratch):
    """Add one side's smoothed first derivative, and its second one as edges of the graph.

    The derivative in b_y is the weight that label y wins less the weight of the examples that
    have it as their endpoint. `scratch` needs no values.
    """
    label_values, endpoint_cost, _ = problem
    direction, starts, sorted_x, weight_before, x_before = side
    hull, breaks = scratch
    for endpoint in range(label_values.shape[0]):
        start, stop = starts[endpoint], starts[endpoint + 1]
        if start == stop:
            continue
        n_hull = find_envelope(
            label_values,
            endpoint_cost,
            biases,
            endpoint,
            direction,
            sorted_x[start] - half_width,
            sorted_x[stop - 1] + half_width,
            hull,
            breaks,
        )
        total = weight_before[stop] - weight_before[start]
        gradient[endpoint] -= total
        gradient[hull[0]] += total
        first = start
        for j in range(1, n_hull):
            first = _bisect(sorted_x, first, stop, breaks[j] - half_width, False)
            last = _bisect(sorted_x, first, stop, breaks[j] + half_width, True)
            window = weight_before[last] - weight_before[first]
            mass = weight_before[stop] - weight_before[last]
            p, q = hull[j - 1], hull[j]
            if window > 0.0:
                ramp = x_before[last] - x_before[first] - (breaks[j] - half_width) * window
                mass += min(max(ramp / (2.0 * half_width), 0.0), window)
                steps = abs(label_values[q] - label_values[p])
                _add_edge(graph, p, q, window / (2.0 * half_width * steps))
            gradient[p] -= mass
            gradient[q] += mass


@njit
def solve_laplacian(graph, ridge, vector, order, left):
    """Replace `vector` by the solution of the Laplacian system; the graph is used up.

    Solves ``L x = vector`` with x[0] = 0 and L the Laplacian matrix of the graph, to which edges
    of weight ``ridge[k] > 0`` between neighbours k and k + 1 are added first: they hold labels
    that no example connects to another.

    Gaussian elimination, nodes with the fewest neighbours first (minimum degree). Eliminating a
    node of neighbours j with edge weights c_j of sum c adds c_i c_j / c to the edge of each pair
    of them, and c_j / c of the node's right-hand side to that of j. No step subtracts anything
    from an edge weight.
    """
    matrix, neighbours, degree = graph
    n = degree.shape[0]
    for k in range(n - 1):
        _add_edge(graph, k, k + 1, ridge[k])
    for k in range(n):
        left[k] = degree[k]  # neighbours not yet eliminated
    for t in range(n - 1):
        node = -1
        for k in range(1, n):
            if left[k] >= 0 and (node < 0 or left[k] < left[node]):
                node = k
        order[t] = node
        left[node] = -1
        n_near = 0
        total = 0.0
        for s in range(degree[node]):
            k = neighbours[node, s]
            if left[k] >= 0:
                neighbours[node, n_near] = k
                n_near += 1
                total += matrix[node, k]
            else:
                matrix[node, k] = 0.0
        degree[node] = n_near
        total = max(total, 1e-300)
        matrix[node, node] = total
        for s in range(n_near):
            k = neighbours[node, s]
            left[k] -= 1
            share = matrix[node, k] / total
            vector[k] += share * vector[node]
            for r in range(s):
                j = neighbours[node, r]
                if matrix[j, k] == 0.0:
                    left[j] += 1
                    left[k] += 1
                _add_edge(graph, j, k, share * matrix[node, j])
    vector[0] = 0.0
    for t in range(n - 2, -1, -1):
        node = order[t]
        value = vector[node]
        for s in range(degree[node]):
            k = neighbours[node, s]
            value += matrix[node, k] * vector[k]
            matrix[node, k] = 0.0
        vector[node] = value / matrix[node, node]
        matrix[node, node] = 0.0
        degree[node] = 0
    for s in range(degree[0]):
        matrix[0, neighbours[0, s]] = 0.0
    degree[0] = 0


@njit
def add_side_plane(
    problem,
    biases,
    half_width,
    nudge,
    side,
    members,
    weight,
    score_gradient,
    gradient,
    slope,
    scratch,
):
    """Add one side's mixture of labels to `score_gradient` and `gradient`; return its costs.

    `nudge` is a change of the biases too small to survive in the breakpoints' own rounding: it
    moves the fractions directly. The share of a label between two breakpoints is the difference of
    their fractions, and no share may become negative: the plane would not be valid. `slope`, one
    longer than the side, is zero at first and used up.
    """
    label_values, endpoint_cost, _ = problem
    direction, starts, sorted_x, weight_before, _ = side
    hull, breaks = scratch
    fixed = 0.0
    for endpoint in range(label_values.shape[0]):
        start, stop = starts[endpoint], starts[endpoint + 1]
        if start == stop:
            continue
        n_hull = find_envelope(
            label_values,
            endpoint_cost,
            biases,
            endpoint,
            direction,
            sorted_x[start] - half_width,
            sorted_x[stop - 1] + half_width,
            hull,
            breaks,
        )
        total = weight_before[stop] - weight_before[start]
        gradient[endpoint] -= total
        gradient[hull[0]] += total
        fixed += endpoint_cost[endpoint, hull[0]] * total
        slope[start] += label_values[hull[0]] - label_values[endpoint]
        slope[stop] -= label_values[hull[0]] - label_values[endpoint]
        first = start
        last_shift = 0.0
        for j in range(1, n_hull):
            p, q = hull[j - 1], hull[j]
            rise = label_values[q] - label_values[p]
            shift = (nudge[q] - nudge[p]) / abs(rise)
            if j > 1:  # no example may go beyond this breakpoint by more than beyond the last
                shift = min(shift, last_shift + (breaks[j] - breaks[j - 1]))
            last_shift = shift
            first = _bisect(sorted_x, first, stop, breaks[j] - half_width, False)
            last = _bisect(sorted_x, first, stop, breaks[j] + half_width, True)
            mass = weight_before[stop] - weight_before[last]
            for position in range(first, last):
                i = members[position]
                ramp = (sorted_x[position] - breaks[j] + half_width + shift) / (2.0 * half_width)
                fraction = min(max(ramp, 0.0), 1.0)
                mass += fraction * weight[i]
                score_gradient[i] += rise * fraction * weight[i]
            slope[last] += rise
            slope[stop] -= rise
            fixed += (endpoint_cost[endpoint, q] - endpoint_cost[endpoint, p]) * mass
            gradient[p] -= mass
            gradient[q] += mass
    running = 0.0
    for position in range(members.shape[0]):
        running += slope[position]
        if running != 0.0:
            score_gradient[members[position]] += running * weight[members[position]]
    return fixed
