"""The built documentation in a browser: nothing is cut off, no link is broken."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("VILMA_SITE", ROOT / "docs" / "_build" / "html"))
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
WIDTHS = (390, 1400)

pytestmark = pytest.mark.skipif(
    not (SITE / "index.html").is_file(), reason=f"no site at {SITE}: run `make site`"
)


def pages() -> list[str]:
    """Pages that people read; those of single objects look like one another."""
    found = [path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html")]
    left_out = ("_static/", "_modules/", "genindex", "search", "py-modindex", "_sources/")
    listed = sorted(page for page in found if not page.startswith(left_out))
    generated = [page for page in listed if page.startswith("api/generated/")]
    return [page for page in listed if page not in generated] + generated[::12]


# Loads every page into a frame of either width, and notes what is cut off in it. A formula, table
# or block of code that is wider than the page must lie in something that scrolls, at its left end.
CHECK = """<!doctype html><meta charset="utf-8"><body><script>
const pages = PAGES, widths = WIDTHS, found = [];
const kinds = ["div.math math", "table", "pre", "p", "dd", "li"];
const looked = kinds.map((each) => `.bd-article ${each}`).join();
function look(page, width, frame) {
  const view = frame.contentDocument, note = (what) => {
    const line = `${page} at ${width}: ${what}`;
    if (!found.includes(line)) found.push(line);
  };
  if (!view || !view.querySelector(".bd-article, .bd-content")) { note("no content"); return; }
  if (view.documentElement.scrollWidth > width + 1) note("the page scrolls sideways");
  for (const node of view.querySelectorAll(looked)) {
    const box = node.getBoundingClientRect(), name = `<${node.tagName.toLowerCase()}> ` +
      node.textContent.trim().slice(0, 40).replace(/\\s+/g, " ");
    if (!box.width) continue;
    if (box.left < -1) note(`${name} begins left of the window`);
    let holder = node, held = false;
    while (holder && holder !== view.body) {
      const around = holder.getBoundingClientRect();
      if (box.left < around.left - 1) note(`${name} is cut off on the left`);
      if (scrollsIn(frame, holder) && around.right <= width + 1) { held = true; break; }
      holder = holder.parentElement;
    }
    if (box.right > width + 1 && !held) note(`${name} is cut off on the right`);
  }
}
const scrollsIn = (frame, node) =>
  ["auto", "scroll"].includes(frame.contentWindow.getComputedStyle(node).overflowX);
(async () => {
  const frame = document.createElement("iframe");
  frame.style.cssText = "border:0;height:900px"; document.body.append(frame);
  for (const width of widths) for (const page of pages) {
    frame.style.width = width + "px";
    await new Promise((done) => { frame.onload = done; frame.src = "/" + page; });
    look(page, width, frame);
  }
  const out = document.createElement("pre"); out.id = "found";
  out.textContent = JSON.stringify({ found, count: pages.length * widths.length });
  document.body.replaceChildren(out);
})();
</script></body>"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the site, and the page that looks at it."""

    def do_GET(self):
        if self.path != "/look":
            return super().do_GET()
        text = CHECK.replace("PAGES", json.dumps(pages()), 1).replace(
            "WIDTHS", str(list(WIDTHS)), 1
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())
        return None

    def log_message(self, *arguments):
        pass


@pytest.mark.skipif(BROWSER is None, reason="no Chromium: apt-get install chromium")
def test_nothing_is_cut_off(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        command = [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}",
            "--window-size=1600,1000", "--timeout=300000", "--virtual-time-budget=600000",
            "--dump-dom", f"http://127.0.0.1:{server.server_port}/look",
        ]  # fmt: skip
        seen = subprocess.run(command, capture_output=True, text=True, timeout=500, check=True)
    finally:
        server.shutdown()
        server.server_close()
    result = re.search(r'<pre id="found">(.*?)</pre>', seen.stdout, flags=re.DOTALL)
    assert result is not None, seen.stdout[-2000:] + seen.stderr[-2000:]
    report = json.loads(html.unescape(result[1]))
    assert report["count"] == len(pages()) * len(WIDTHS) > 60
    assert not report["found"], "\n".join(report["found"])


class Anchors(HTMLParser):
    """Where a page leads, and what in it can be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.names.add(given["id"])
        if tag == "a" and given.get("name"):
            self.names.add(given["name"])
        for key in ("href", "src"):
            if given.get(key):
                self.links.append(given[key])


def test_no_link_is_broken():
    parsed = {
        path: Anchors(path.read_text(encoding="utf-8"))
        for path in SITE.rglob("*.html")
        if "_static" not in path.relative_to(SITE).parts
    }
    broken = []
    for path, page in parsed.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            where = f"{path.relative_to(SITE)}: {link}"
            if target.is_dir():
                target = target / "index.html"
            if not target.is_file():
                broken.append(where)
            elif parts.fragment and target in parsed:
                names = parsed[target].names
                if unquote(parts.fragment) not in names:
                    broken.append(where)
    assert not broken, "\n".join(broken[:40])


@pytest.mark.parametrize(
    "words", ["odds ratio", "p-value", "categorical", "age group", "Likert", "censored"]
)
def test_search_finds_what_people_call_things(words):
    """The index of the search has stems of words, each with the pages that it is on."""
    index = (SITE / "searchindex.js").read_text(encoding="utf-8")
    terms = json.loads(index[index.index("{") : index.rindex("}") + 1])["terms"]
    for word in re.findall(r"[a-z]{2,}", words.lower()):
        stems = [word[:length] for length in range(3, len(word) + 1)]
        assert any(stem in terms for stem in stems), word
