# What continuous integration runs, piece by piece.
.PHONY: test lint types docs site look

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
	. .venv/bin/activate && pytest -rs tests/test_site_browser.py
