"""Pages of the site made from Markdown files of the repository, whose own form stays the source.

Only what these files use is known: headings, paragraphs, lists, tables, fenced code, pictures,
links, emphasis and code within a line.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

PAGES = {  # page: file of the repository
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "benchmarks": "benchmarks/README.md",
    "experiments": "benchmarks/EXPERIMENTS.md",
    "networks": "benchmarks/DEEP.md",
}
_UNDERLINES = "=-~^"


def to_rst(text: str, pages: dict[str, str]) -> str:
    """Return Markdown as reStructuredText.

    Parameters
    ----------
    text : str
        The Markdown.
    pages : dict of str to str
        Pages of the site by the names of their Markdown files.
    """
    lines, out, place = text.splitlines(), [], 0
    while place < len(lines):
        line = lines[place]
        if line.startswith("```"):
            end = lines.index("```", place + 1)
            language = line[3:].strip() or "text"
            out += ["", f".. code-block:: {language}", ""]
            out += [f"   {each}" for each in lines[place + 1 : end]] + [""]
            place = end + 1
        elif line.startswith("|"):
            end = next((k for k in range(place, len(lines)) if lines[k][:1] != "|"), len(lines))
            out += _table(lines[place:end], pages)
            place = end
        elif heading := re.match(r"(#+) (.*)", line):
            title = _inline(heading[2], pages)
            out += ["", title, _UNDERLINES[len(heading[1]) - 1] * len(title), ""]
            place += 1
        elif picture := re.match(r"!\[(.*)\]\((.*)\)", line):
            out += ["", f".. image:: {Path(picture[2]).name}", f"   :alt: {picture[1]}", ""]
            place += 1
        else:
            end = place + 1  # a link or a word of code may go on in the next line
            while end < len(lines) and lines[end].strip() and not _begins_block(lines[end]):
                end += 1
            block = _inline("\n".join(lines[place:end]), pages).splitlines()
            item = re.match(r"( *)[-*] ", line)
            if item and out and out[-1] and not re.match(rf"{item[1]}([-*]| ) ", out[-1]):
                out.append("")  # lists stand apart from what is around them
            out += block or [""]
            place = end
    return "\n".join(out) + "\n"


def _begins_block(line: str) -> bool:
    return bool(re.match(r"```|\||#+ |!\[| *[-*] ", line))


def _inline(text: str, pages: dict[str, str]) -> str:
    """Convert what stands within lines; code is left as it is."""
    parts = re.split(r"(`[^`]+`)", text)
    for place, part in enumerate(parts):
        if place % 2:
            beside = re.match(r"[\w(]", parts[place + 1])  # which code must be parted from
            parts[place] = f"`{part}`" + ("\\ " if beside else "")
            continue
        part = re.sub(r"(?<=\s)\*(?=\s)", r"\\*", part)
        parts[place] = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", lambda m: _link(m, pages), part)
    return "".join(parts)


def _link(match: re.Match[str], pages: dict[str, str]) -> str:
    text, target = match[1].replace("\n", " "), match[2]
    if target in pages:
        return f":doc:`{text} <{pages[target]}>`"
    return f"`{text} <{target}>`__" if "://" in target else text


def _table(lines: list[str], pages: dict[str, str]) -> list[str]:
    """Return a table; cells may hold bars within code."""
    rows = [
        [_inline(cell.strip(), pages) for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
        for line in lines
    ]
    header, _, *body = rows
    out = ["", ".. list-table::", *(["   :header-rows: 1"] if any(header) else []), ""]
    for row in [header, *body] if any(header) else body:
        out += [f"   {'* -' if not k else '  -'} {cell}".rstrip() for k, cell in enumerate(row)]
    return [*out, ""]


def write_pages(app: Any, config: Any) -> None:
    """Write all pages and copy their pictures, leaving pages that have not changed."""
    root, folder = Path(app.srcdir).parent, Path(app.srcdir) / "project"
    folder.mkdir(exist_ok=True)
    names = {Path(source).name: page for page, source in PAGES.items() if "README" not in source}
    for page, source in PAGES.items():
        text = to_rst((root / source).read_text(encoding="utf-8"), names)
        path = folder / f"{page}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for picture in (root / "benchmarks" / "figures").glob("*.png"):
        shutil.copyfile(picture, folder / picture.name)


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before the documents are counted."""
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
