"""The border for labels: from what users hold to pairs of integer codes.

``label_file.py`` reads annotations of named files.

Deeper code never sees label values. It works on an ordered scale ``classes`` of ``Y`` labels and,
for every example, on the 0-based codes ``lower <= upper`` of the first and the last label that
the annotation allows. An open end becomes the first or the last code of the scale.

Reading takes three steps, one function each: :func:`read_endpoints` turns ``y`` into the values
of its endpoints, :func:`read_scale` checks a user's scale, and :func:`encode` finds the position
of values on a scale. :func:`read_labels` does all three. :func:`in_class_order` leads from the
scale to the sorted labels that scikit-learn expects in `classes_`.
"""

from vilma.labels.endpoints import Endpoints, read_endpoints
from vilma.labels.reading import IntervalLabels, encode_endpoints, read_labels, scale_with_labels
from vilma.labels.scale import encode, in_class_order, read_scale

__all__ = [
    "Endpoints",
    "IntervalLabels",
    "encode",
    "encode_endpoints",
    "in_class_order",
    "read_endpoints",
    "read_labels",
    "read_scale",
    "scale_with_labels",
]
