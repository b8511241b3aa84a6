"""Data to try things on: tables, random problems, folders of images."""

from vilma.datasets.images import UTKFaceName, load_image_folder, parse_utkface_name
from vilma.datasets.problems import make_interval_problem
from vilma.datasets.tables import load_anes96, load_wine_quality

__all__ = [
    "UTKFaceName",
    "load_anes96",
    "load_image_folder",
    "load_wine_quality",
    "make_interval_problem",
    "parse_utkface_name",
]
