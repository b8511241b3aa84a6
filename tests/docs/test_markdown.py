"""Markdown files of the repository as pages of the site."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def converter():
    path = ROOT / "docs" / "_ext" / "markdown_pages.py"
    spec = importlib.util.spec_from_file_location("markdown_pages", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_markdown_becomes_restructuredtext():
    text = """# Title of `code`
A [link](https://x.org), a [page](OTHER.md) and `code`s, *so*; `x`, y `z`.
- first
  goes on
- second

| a | b |
|---|---:|
| 1 * 2 | `x` |

```sh
ls *
```
![A picture](figures/one.png)
"""
    found = converter().to_rst(text, {"OTHER.md": "other"})
    assert found.splitlines()[1:3] == ["Title of ``code``", "================="]
    sentence = (
        "A `link <https://x.org>`__, a :doc:`page <other>` and ``code``\\ s, *so*; ``x``, y ``z``."
    )
    assert f"{sentence}\n\n- first\n  goes on\n- second\n" in found
    header = ".. list-table::\n   :header-rows: 1\n\n   * - a\n     - b\n"
    assert f"{header}   * - 1 \\* 2\n     - ``x``" in found
    assert ".. code-block:: sh\n\n   ls *\n" in found
    assert ".. image:: one.png\n   :alt: A picture" in found


def test_every_page_is_made_of_a_file():
    module = converter()
    for source in module.PAGES.values():
        text = (ROOT / source).read_text(encoding="utf-8")
        found = module.to_rst(text, {})
        assert found.splitlines()[1] == text.splitlines()[0].removeprefix("# ")
        assert "```" not in found.replace("``", "")
