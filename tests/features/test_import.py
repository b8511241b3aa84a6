"""What importing the package brings along."""

import subprocess
import sys


def test_import_is_light():
    heavy = "{'matplotlib', 'skimage', 'torch', 'torchvision'}"
    script = f"import sys, vilma.features; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_public_names():
    import vilma.features

    for name in ("MultiScaleLBP", "read_image", "canonical_crop", "find_images"):
        assert callable(getattr(vilma.features, name))
    assert issubclass(vilma.features.ImageReadError, ValueError)
