"""The page in a real browser: no wider than a phone, and none of its parts is lost."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from leaktrace.report import calibration_page, finding_page
from tests.report import report_samples as samples

pytestmark = pytest.mark.system
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=5000",
)
MEASURE = """<!DOCTYPE html><meta charset="utf-8"><body>{frames}<script>
addEventListener("load", () => {{
  document.body.dataset.measured = JSON.stringify([...document.querySelectorAll("iframe")].map(frame => {{
    const root = frame.contentDocument.documentElement;
    return {{name: frame.name, width: root.clientWidth, document: root.scrollWidth,
             rows: root.querySelectorAll("tbody tr").length, ink: getComputedStyle(root.querySelector("h1")).color}};
  }}));
}});
</script>"""
WIDTHS = (320, 390, 820, 1280)


def chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the Debian package chromium is missing; make system-deps installs it")
        pytest.skip("the Debian package chromium is missing")
    return found


def measured(pages: dict[str, str], folder: Path) -> list[dict[str, object]]:
    """Each page in a frame of each width, untouched and under its own policy; the page around it measures."""
    frames = "".join(
        f'<iframe name="{name}" style="width:{width}px;height:800px;border:0" srcdoc="{html.escape(text)}"></iframe>'
        for name, text in pages.items()
        for width in WIDTHS
    )
    around = folder / "around.html"
    around.write_text(MEASURE.format(frames=frames), encoding="utf-8")
    command = [chromium(), *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", around.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    found = re.search(r'data-measured="([^"]*)"', shown)
    assert found, shown[-2000:]
    measured_frames: list[dict[str, object]] = json.loads(html.unescape(found[1]))
    return measured_frames


def test_no_page_is_wider_than_its_window(tmp_path: Path) -> None:
    cases = {
        "named": samples.named(),
        "many": samples.named(200),
        "twins": samples.twins(),
        "hostile": samples.hostile(),
        "open": samples.undecided("log_incomplete"),
    }
    pages = {name: finding_page(*sample) for name, sample in cases.items()}
    pages["calibration"] = calibration_page(samples.calibration())
    # Without the guards a long name does push the page out: the measurement sees it.
    pages["unguarded"] = re.sub(r"overflow-wrap: \w+;|overflow-x: auto;", "", pages["hostile"])
    frames = measured(pages, tmp_path)
    assert {frame["width"] for frame in frames} == set(WIDTHS)
    assert len(frames) == len(pages) * len(WIDTHS)
    for frame in frames:
        if frame["name"] != "unguarded":
            assert frame["document"] == frame["width"], frame
            assert frame["rows"], "the page was drawn"
            assert frame["ink"] != "rgb(0, 0, 0)", "the page's style is allowed by its own policy"
    assert any(frame["document"] != frame["width"] for frame in frames if frame["name"] == "unguarded")
