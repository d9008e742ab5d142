"""The Persian and the Arabic notice in a real browser: right-to-left, foreign parts left-to-right, nothing cut off."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.report.test_rendered import FLAGS
from tests.response.postfixes import needed
from tests.response.test_notices_texts import one

pytestmark = pytest.mark.system
MEASURE = """<!DOCTYPE html><meta charset="utf-8"><body>{frames}<script>
addEventListener("load", () => {{
  document.body.dataset.measured = JSON.stringify([...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument, root = page.documentElement, heading = page.querySelector("h2");
    const range = page.createRange();
    range.selectNodeContents(heading);
    const phone = [...page.querySelectorAll("bdi")].find(one => one.textContent.startsWith("+49"));
    const digit = index => {{
      const place = page.createRange();
      place.setStart(phone.firstChild, index); place.setEnd(phone.firstChild, index + 1);
      return place.getBoundingClientRect().left;
    }};
    return {{name: frame.name, width: root.clientWidth, document: root.scrollWidth,
             rightGap: root.clientWidth - range.getBoundingClientRect().right,
             leftGap: range.getBoundingClientRect().left, plusBeforeDigits: digit(0) < digit(4)}};
  }}));
}});
</script>"""


def test_the_browser_runs_them_from_the_right(tmp_path: Path) -> None:
    chromium = needed("chromium", "chromium")
    pages = {language: one("gdpr", language).html for language in ("fa", "ar", "de")}
    # Without `dir` the browser sets the same Persian text from the left: the measurement sees the difference.
    pages["undirected"] = re.sub(r' dir="rtl"', "", pages["fa"])
    frames = "".join(
        f'<iframe name="{name}" style="width:320px;height:800px;border:0" srcdoc="{html.escape(text)}"></iframe>'
        for name, text in pages.items()
    )
    around = tmp_path / "around.html"
    around.write_text(MEASURE.format(frames=frames), "utf-8")
    command = [chromium, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", around.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    found = re.search(r'data-measured="([^"]*)"', shown)
    assert found, shown[-2000:]
    measured = {page["name"]: page for page in json.loads(html.unescape(found[1]))}
    for name, page in measured.items():
        assert page["document"] <= page["width"], f"{name} is wider than a phone"
        assert page["plusBeforeDigits"], f"{name}: a phone number runs the wrong way"
    for name in ("fa", "ar"):
        assert measured[name]["rightGap"] < 30 < measured[name]["leftGap"]
    for name in ("de", "undirected"):
        assert measured[name]["leftGap"] < 30 < measured[name]["rightGap"]
