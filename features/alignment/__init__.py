"""Faces of photographs, turned and brought to the canonical crop."""

from vilma.features.alignment.aligner import FaceAligner
from vilma.features.alignment.errors import FaceNotFoundError
from vilma.features.alignment.landmarks_file import read_landmarks
from vilma.features.alignment.templates import face_template

__all__ = ["FaceAligner", "FaceNotFoundError", "face_template", "read_landmarks"]
