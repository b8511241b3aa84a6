"""Print the test files of the rooms that differ from the last commit; the core's if none do.

``make quick`` runs them. A test file belongs to a room when its place or an import of it names it.
"""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE = [
    "losses/test_losses.py",
    "labels/test_labels.py",
    "test_thresholds.py",
    "test_rooms.py",
    "persistence/test_persistence.py",
]
SLOW = ("benchmarks", "deep", "demo", "docs")
MOST = 8  # files; more take longer than a minute


def changed() -> list[Path]:
    """Return the Python files that differ from the last commit, new ones included."""
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [Path(line[3:].split(" -> ")[-1]) for line in lines.splitlines()]
    return [path for path in paths if path.suffix == ".py" and (ROOT / path).exists()]


def module_of(path: Path) -> str:
    """Return the name that a file of the package is imported by."""
    parts = path.with_suffix("").parts
    parts = ("vilma", *parts) if parts[0] == "features" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Return the modules that a test file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def rank(test: Path, modules: list[str]) -> int:
    """Return how near a test file is to the modules: 0 is nearest, 9 is nowhere near."""
    names = imports(test)
    if names & set(modules):
        return 0
    rooms = {".".join(module.split(".")[:2]) for module in modules}
    if any(name.startswith(tuple(rooms)) for name in names):
        return 1
    place = str(test.relative_to(ROOT / "tests"))
    return 2 if any(room.rpartition(".")[2].rstrip("s") in place for room in rooms) else 9


def main() -> None:
    """Print them, those that changed themselves first."""
    files = changed()
    own = [path for path in files if path.parts[0] == "tests" and path.name.startswith("test_")]
    modules = [module_of(path) for path in files if path.parts[0] in ("vilma", "features")]
    tests = [
        path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path.parent.name not in SLOW
    ]
    near = sorted((rank(path, modules), path.stat().st_size, path) for path in tests)
    chosen = own + [path.relative_to(ROOT) for place, _, path in near if place < 9]
    if not chosen:
        chosen = [Path("tests") / name for name in CORE]
    print(*list(dict.fromkeys(chosen))[:MOST])


if __name__ == "__main__":
    main()
