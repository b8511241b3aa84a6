"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

from __future__ import annotations

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util.math import get_node_equation_number

# Commands that the converter does not know, as others that it does.
_SYNONYMS = {r"\dots": r"\ldots"}


def _convert(text: str, *, as_block: bool = False) -> str:
    for command, synonym in _SYNONYMS.items():
        text = text.replace(command, synonym)
    return tex2mathml(text, as_block=as_block)


def _visit_inline(translator, node: nodes.math) -> None:
    translator.body.append(_convert(node.astext()))
    raise nodes.SkipNode


def _visit_block(translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})</span>')
    # Source lines mean nothing in a formula; the converter would break it there.
    translator.body.append(_convert(" ".join(node.astext().split()), as_block=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app) -> dict[str, bool]:
    """Register the renderer under the name "mathml"."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
