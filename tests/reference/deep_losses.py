"""The losses of the deep side, by loops over samples that follow the definitions word by word.

Everything is lists of Python floats; labels are pairs (l, u).
"""

from __future__ import annotations

import math

Vector = list[float]
Matrix = list[Vector]
Labels = list[tuple[float, float]]


def cosine(a: Vector, b: Vector) -> float:
    norms = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norms if norms > 0 else 0.0


def dmin(a: tuple[float, float], b: tuple[float, float]) -> float:
    return max(0.0, b[0] - a[1], a[0] - b[1])


def dmax(a: tuple[float, float], b: tuple[float, float]) -> float:
    return max(b[1] - a[0], a[1] - b[0])


def distance(y: float, label: tuple[float, float]) -> float:
    return max(0.0, label[0] - y, y - label[1])


def interval_l1(predictions: Vector, labels: Labels, p: float = 1.0) -> float:
    errors = [distance(y, label) for y, label in zip(predictions, labels, strict=True)]
    return sum(e**p for e in errors) / len(errors)


def focal_r(predictions: Vector, labels: Labels, beta: float, gamma: float) -> float:
    total = 0.0
    for y, label in zip(predictions, labels, strict=True):
        e = distance(y, label)
        total += e * (2 / (1 + math.exp(-beta * e)) - 1) ** gamma
    return total / len(labels)


def positives(labels: Labels, groups: list[int] | None, samples: list[int] | None) -> list[set]:
    n = len(labels)
    found: list[set] = [set() for _ in range(n)]
    for i in range(n):
        for j in range(n):
            if groups is not None:
                same = groups[i] == groups[j]
            else:
                same = labels[i] == labels[j] and labels[i][0] == labels[i][1]
            if i != j and (same or (samples is not None and samples[i] == samples[j])):
                found[i].add(j)
    return found


def compensated_similarity(
    s: float, least: float, most: float, eps: float, precise: bool
) -> float:
    """Return -cos of the distance of the angle of `s` to [least, most], with eps in the root."""
    theta = math.acos(max(-1.0, min(1.0, s)))
    if least < theta < most and not precise:
        return -1.0
    nearest = least if theta <= least else most
    phi = math.pi - nearest
    return s * math.cos(phi) - abs(math.sin(phi)) * math.sqrt(max(1 - s * s, 0.0) + eps)


def accon(
    z: Matrix,
    labels: Labels,
    label_range: float,
    temperature: float,
    groups: list[int] | None = None,
    samples: list[int] | None = None,
    eps: float = 1e-6,
) -> float:
    n = len(z)
    partners = positives(labels, groups, samples)
    losses = []
    for i in range(n):
        if not partners[i]:
            continue
        total = 0.0
        for k in range(n):
            s = cosine(z[i], z[k])
            if k == i:
                continue
            if k not in partners[i]:
                least = math.pi * dmin(labels[i], labels[k]) / label_range
                most = min(math.pi, math.pi * dmax(labels[i], labels[k]) / label_range)
                s = compensated_similarity(s, least, most, eps, precise=least == most)
            total += math.exp(s / temperature)
        terms = [math.log(math.exp(cosine(z[i], z[p]) / temperature) / total) for p in partners[i]]
        losses.append(-sum(terms) / len(terms))
    return sum(losses) / len(losses) if losses else 0.0


def supcon(
    z: Matrix,
    labels: Labels,
    temperature: float,
    groups: list[int] | None = None,
    samples: list[int] | None = None,
) -> float:
    n = len(z)
    partners = positives(labels, groups, samples)
    losses = []
    for i in range(n):
        if not partners[i]:
            continue
        total = sum(math.exp(cosine(z[i], z[k]) / temperature) for k in range(n) if k != i)
        terms = [math.log(math.exp(cosine(z[i], z[p]) / temperature) / total) for p in partners[i]]
        losses.append(-sum(terms) / len(terms))
    return sum(losses) / len(losses) if losses else 0.0


def conr(
    z: Matrix,
    predictions: Vector,
    labels: Labels,
    window: float,
    temperature: float,
    push: Vector | None = None,
    rate: float = 0.01,
    groups: list[int] | None = None,
) -> float:
    n = len(z)
    total = 0.0
    for i in range(n):
        near, confused = [], []
        for j in range(n):
            if i == j:
                continue
            same_bin = groups is not None and groups[i] == groups[j]
            if same_bin or dmax(labels[i], labels[j]) <= window:
                near.append(j)
            elif (
                dmin(labels[i], labels[j]) > window
                and abs(predictions[i] - predictions[j]) <= window
            ):
                confused.append(j)
        if not near or not confused:
            continue
        pull = [math.exp(cosine(z[i], z[p]) / temperature) for p in near]
        eta = 1.0 if push is None else push[i]
        away = sum(
            eta
            * math.exp(rate * dmin(labels[i], labels[j]))
            * math.exp(cosine(z[i], z[j]) / temperature)
            for j in confused
        )
        total -= sum(math.log(e / (sum(pull) + away)) for e in pull) / len(pull)
    return total / n


def rank_contrast(z: Matrix, labels: Labels, temperature: float) -> float:
    n = len(z)
    total = 0.0
    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            farther = sum(
                math.exp(cosine(z[i], z[k]) / temperature)
                for k in range(n)
                if k != i and (k == j or dmin(labels[i], labels[k]) >= dmax(labels[i], labels[j]))
            )
            total += math.log(math.exp(cosine(z[i], z[j]) / temperature) / farther)
    return -total / (n * (n - 1)) if n > 1 else 0.0


def posterior(logits: Vector, label: tuple[float, float]) -> Vector:
    masses = [math.exp(a) if distance(k, label) == 0 else 0.0 for k, a in enumerate(logits)]
    return [mass / sum(masses) for mass in masses]


def fcrc(logits: Matrix, labels: Labels, variant: str) -> float:
    n, n_classes = len(logits), len(logits[0])

    def negative(a: float, weight: float) -> float:
        return weight * math.exp(a) if variant == "paper" else math.exp(weight * a)

    image = text = 0.0
    for i, label in enumerate(labels):
        away = [distance(k, label) for k in range(n_classes)]
        mean = sum(away) / max(sum(d > 0 for d in away), 1)
        own = sum(math.exp(a) for a, d in zip(logits[i], away, strict=True) if d == 0)
        rest = sum(negative(a, d / mean) for a, d in zip(logits[i], away, strict=True) if d > 0)
        image -= math.log(own / (own + rest))
        for k, part in enumerate(posterior(logits[i], label)):
            if part == 0:
                continue
            away = [distance(k, labels[j]) for j in range(n)]
            mean = sum(away) / max(sum(d > 0 for d in away), 1)
            rest = sum(negative(logits[j][k], away[j] / mean) for j in range(n) if away[j] > 0)
            own = math.exp(logits[i][k])
            text -= part * math.log(own / (own + rest))
    if variant == "numclip":
        return image / n + released_text_loss(logits, labels)
    return (image + text) / (2 * n)


def released_text_loss(logits: Matrix, labels: Labels) -> float:
    """From text to image as the released program has it, class by class."""
    n, n_classes = len(logits), len(logits[0])
    parts = [posterior(row, label) for row, label in zip(logits, labels, strict=True)]
    total = slots = 0.0
    for k in range(n_classes):
        away = [distance(k, label) for label in labels]
        weighted = [
            logits[j][k] * ((n_classes - 1) * away[j] / sum(away) if away[j] > 0 else 1.0)
            for j in range(n)
        ]
        share = sum(math.exp(a) for a in weighted)
        targets = [math.exp(10.0 * parts[j][k]) for j in range(n)]
        present = min(1.0, sum(parts[j][k] for j in range(n)))
        for a, target in zip(weighted, targets, strict=True):
            q = target / sum(targets)
            total += present * q * (math.log(q) - math.log(math.exp(a) / share))
        slots += present
    return total / slots


def soft_label(logits: Matrix, targets: Matrix) -> float:
    total = 0.0
    for row, q in zip(logits, targets, strict=True):
        normaliser = sum(math.exp(a) for a in row)
        total -= sum(t * math.log(math.exp(a) / normaliser) for a, t in zip(row, q, strict=True))
    return total / len(logits)


def pml(logits: Matrix, targets: Matrix, margins: Matrix, form: str) -> float:
    total = 0.0
    for s, q, m in zip(logits, targets, margins, strict=True):
        for k in range(len(s)):
            own = math.exp(s[k] - m[k])
            if form == "ova":
                rest = sum(math.exp(s[t]) for t in range(len(s)) if t != k)
            else:
                rest = sum(math.exp(s[t] - m[t]) for t in range(len(s)) if t != k)
            total -= q[k] * math.log(own / (own + rest))
    return total / len(logits)


def multi_head(
    class_logits: Matrix, regressions: Matrix, labels: Labels, edges: Vector, p: float
) -> float:
    borders = [-math.inf, *edges, math.inf]
    total = 0.0
    for i, (l, u) in enumerate(labels):
        touched = [
            g
            for g in range(len(edges) + 1)
            if borders[g] <= u and (l < borders[g + 1])  # an edge belongs to the group above
        ]
        normaliser = sum(math.exp(class_logits[i][g]) for g in touched)
        for g in touched:
            part = (max(l, borders[g]), min(u, borders[g + 1]))
            error = distance(regressions[i][g], part)
            total += math.exp(class_logits[i][g]) / normaliser * error**p
    return total / len(labels)


def class_statistics(
    batches: list[tuple[Matrix, Matrix]], n_classes: int, n_features: int
) -> tuple[Vector, Matrix, Vector]:
    """Counts, centres and scatter after the batches, one sample and one class at a time."""
    counts = [0.0] * n_classes
    centres = [[0.0] * n_features for _ in range(n_classes)]
    scatter = [0.0] * n_classes
    for rows, parts in batches:
        for x, weights in zip(rows, parts, strict=True):
            for j, w in enumerate(weights):
                if w == 0:
                    continue
                before = 1 - cosine(x, centres[j])
                counts[j] += w
                centres[j] = [
                    c + w * (a - c) / counts[j] for a, c in zip(x, centres[j], strict=True)
                ]
                scatter[j] += w * before * (1 - cosine(x, centres[j]))
    return counts, centres, scatter
