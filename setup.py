"""Packages of vilma and what they need; ``pyproject.toml`` says everything else.

The folder ``features/`` at the top of the repository is installed, and imported, as
``vilma.features``; that mapping is why the packages are listed one by one.
"""

from setuptools import setup

PACKAGE_DIR = {"vilma": "vilma", "vilma.features": "features"}
PACKAGES = [
    "vilma",
    "vilma.cli",
    "vilma.cli.extraction",
    "vilma.datasets",
    "vilma.deep",
    "vilma.deep.losses",
    "vilma.deep.objectives",
    "vilma.demo",
    "vilma.design_matrices",
    "vilma.displays",
    "vilma.distributed",
    "vilma.estimators",
    "vilma.features",
    "vilma.features.alignment",
    "vilma.features.deep",
    "vilma.inference",
    "vilma.inspection",
    "vilma.intervals",
    "vilma.labels",
    "vilma.likelihood",
    "vilma.losses",
    "vilma.mapped",
    "vilma.metrics",
    "vilma.model_selection",
    "vilma.persistence",
    "vilma.probability",
    "vilma.solvers",
    "vilma.solvers.coordinate_ascent",
    "vilma.solvers.cutting_plane",
    "vilma.surrogates",
]

PLOT = ["matplotlib>=3.8"]
DEEP = ["torch>=2.6", "transformers>=5.10"]
DISTRIBUTED = ["dask>=2025.1", "distributed>=2025.1"]
FORMULA = ["formulaic>=1.1"]
ONNX = ["onnx>=1.18", "onnxruntime>=1.22", "skl2onnx>=1.19"]
FACES = ["dlib-bin>=19.24", "face-recognition-models>=0.3"]
BENCHMARKS = [
    *PLOT,
    "catboost>=1.2.10",
    "interpret-core>=0.7.8",
    "intreg>=0.2.2",
    "lifelines>=0.30",
    "lightgbm>=4.7",
    "mord>=0.7",
    "skordinal>=0.2",
    "statsmodels>=0.15",
    "xgboost>=3.2",
]
DOCS = [
    *PLOT,
    *DEEP,
    "numpydoc>=1.8",
    "pandas>=2.2",
    "pydata-sphinx-theme>=0.16",
    "sphinx>=8.1",
    "sphinx-gallery>=0.18",
]
TEST = [
    # One release, so that a CPU-only build of it is taken where there is one. It comes first: pip
    # would download the newest one that `DEEP` allows, and only then look at this.
    "torch==2.13.0",
    *PLOT,
    *DEEP,
    *DISTRIBUTED,
    *FACES,
    *FORMULA,
    *ONNX,
    "codespell>=2.3",
    "hypothesis>=6.100",
    "mypy>=1.13",
    "numpydoc>=1.8",
    "pandas>=2.2.3",
    "polars>=1.0",
    "pyarrow>=18",
    "pytest>=8.3",
    "pytest-cov>=5.0",
    "pytest-xdist>=3.6",
    "ruff>=0.9",
    "statsmodels>=0.15",
]

setup(
    packages=PACKAGES,
    package_dir=PACKAGE_DIR,
    package_data={
        "vilma": ["__init__.pyi", "py.typed"],
        "vilma.datasets": ["data/*.csv.xz", "data/README.md"],
        "vilma.deep": ["__init__.pyi"],
        "vilma.features": ["__init__.pyi"],
    },
    install_requires=[
        "click>=8.2",
        "cvxpy>=1.5",
        "joblib>=1.3",
        "lazy-loader>=0.4",
        "numba>=0.60",
        "numpy>=2.0",
        "pillow>=10.0",
        "scikit-image>=0.24",
        "scikit-learn>=1.8",
        "scipy>=1.15",
        "threadpoolctl>=3.1",
        "tqdm>=4.66",
    ],
    extras_require={
        "benchmarks": BENCHMARKS,
        "deep": DEEP,
        "distributed": DISTRIBUTED,
        "docs": DOCS,
        "faces": FACES,
        "formula": FORMULA,
        "onnx": ONNX,
        "plot": PLOT,
        "test": TEST,
    },
)
