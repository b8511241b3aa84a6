# What continuous integration runs, piece by piece.
.PHONY: test lint types docs

test:
	python3 -m venv .venv && . .venv/bin/activate && pip install -e ".[test]" && pytest

lint:
	. .venv/bin/activate && ruff check . && ruff format --check . && codespell

types:
	. .venv/bin/activate && mypy && mypy features/*.py

docs:
	. .venv/bin/activate && pytest --doctest-modules --doctest-glob=README.md vilma features README.md
