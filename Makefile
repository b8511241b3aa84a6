# What continuous integration runs, piece by piece.
.PHONY: test lint types docs site look quick kernels sdist unpacked

test:
	python3 -m venv .venv && . .venv/bin/activate && pip install -e ".[test]" && pytest

lint:
	. .venv/bin/activate && ruff check . && ruff format --check . && codespell

types:
	. .venv/bin/activate && mypy && mypy features && \
	mypy --strict --follow-imports=silent tests/typed_script.py

docs:
	. .venv/bin/activate && pytest --doctest-modules --doctest-glob=README.md vilma features README.md

# The documentation as HTML. Packages are installed if they are missing; the build needs no network.
site:
	python3 -m venv .venv && . .venv/bin/activate && \
	(python -c "import numpydoc, pydata_sphinx_theme, sphinx_gallery" 2>/dev/null || \
	pip install -e ".[docs]") && \
	python -m sphinx -q -W --keep-going docs docs/_build/html

# The built documentation in headless Chromium, on a phone and on a wide screen; skipped without one.
look:
	. .venv/bin/activate && pytest -rs tests/docs/test_browser.py

# While working: the tests of what has changed since the last commit, else of the core.
quick:
	. .venv/bin/activate && pytest -q -x $$(python tests/quick.py)

# The kernels with indices checked, which compiled code otherwise takes as they are.
kernels:
	. .venv/bin/activate && scratch=$$(mktemp -d) && \
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$$scratch pytest -q tests/solvers/test_coordinate_ascent.py tests/solvers/test_mixtures.py \
	tests/solvers/test_simplex_qp.py tests/solvers/test_line_search.py tests/test_one_hot.py \
	tests/surrogates; status=$$?; rm -rf $$scratch; exit $$status

# The distributions, checked ...
DIST = build/dist
sdist:
	. .venv/bin/activate && pip install -q build check-manifest twine uv validate-pyproject && \
	rm -rf $(DIST) && validate-pyproject pyproject.toml && check-manifest && \
	python -m build -q --installer uv -o $(DIST) && twine check --strict $(DIST)/*

# ... and the source distribution's own tests, in a new environment of the oldest versions that it
# allows, or of the newest: `make sdist unpacked RESOLUTION=highest`.
RESOLUTION = lowest-direct
CORE = tests/losses tests/labels tests/persistence tests/datasets tests/test_thresholds.py \
	tests/test_rooms.py tests/test_packaging.py tests/estimators/test_golden.py
unpacked:
	. .venv/bin/activate && cd $(DIST) && rm -rf unpacked && mkdir unpacked && \
	tar xzf vilma-*.tar.gz -C unpacked --strip-components 1 && cd unpacked && uv venv -q venv && \
	uv pip install -q --python venv/bin/python --resolution $(RESOLUTION) . $(TOOLS) && \
	venv/bin/python -m pytest -q $(CORE)
TOOLS = "hypothesis>=6.100" "pandas>=2.2.3" "polars>=1.0" "pytest>=8.3"
