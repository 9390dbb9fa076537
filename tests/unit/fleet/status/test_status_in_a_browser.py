"""The page as headless Chromium shows it. Where there is no Chromium these tests are skipped."""

import json
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path

import pytest
from PIL import Image

from holdfast.fleet.status import page
from tests.unit.fleet.status.stand import overview

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH: Debian has it as the package chromium")

PHONES = (320, 360)
DESKTOP = 1280

MEASURED = """
<pre></pre><script>
  onload = () => {
    const seen = [...document.querySelectorAll("iframe")].map(frame => {
      const page = frame.contentDocument.documentElement;
      const cards = [...page.querySelectorAll("section")].map(one => one.getBoundingClientRect());
      return {width: frame.width, scrolls: page.scrollWidth, cards: new Set(cards.map(one => one.left)).size,
              size: parseFloat(frame.contentWindow.getComputedStyle(page.querySelector("dd")).fontSize)};
    });
    document.querySelector("pre").textContent = JSON.stringify(seen);
  };
</script>
"""
"""Looks at the page in frames of several widths: a window of Chromium is never as narrow as a phone."""


def chromium(folder: Path, document: str, *flags: str) -> str:
    (folder / "page.html").write_text(document)
    fixed = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}",
    ]
    command = [CHROMIUM, *fixed, *flags, (folder / "page.html").as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def framed(width: int, height: int, html: str) -> str:
    return f'<iframe width="{width}" height="{height}" style="border:0" srcdoc="{escape(html)}"></iframe>'


def test_a_page_fits_a_phone_and_uses_a_desktop(tmp_path: Path) -> None:
    html = page.render(overview())
    frames = "".join(framed(width, 800, html) for width in (*PHONES, DESKTOP))
    dom = chromium(tmp_path, f"<!DOCTYPE html>{frames}{MEASURED}", "--dump-dom")
    found = re.search(r"<pre>(.+?)</pre>", dom)
    assert found
    seen = json.loads(unescape(found[1]))
    assert [int(one["width"]) for one in seen] == [*PHONES, DESKTOP]
    assert [one for one in seen if one["scrolls"] > int(one["width"])] == []
    assert [one["cards"] for one in seen] == [1, 1, 3]
    assert min(one["size"] for one in seen) >= 16


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_drawn_in_the_readers_colours(tmp_path: Path, scheme: str) -> None:
    picture = tmp_path / "phone.png"
    html = framed(360, 1600, page.render(overview()))
    colours = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    body = f'<!DOCTYPE html><body style="margin:0">{html}'
    chromium(tmp_path, body, colours, "--window-size=600,1600", f"--screenshot={picture}")
    with Image.open(picture) as drawn:
        bright = drawn.convert("L").crop((0, 0, 360, 1600)).resize((1, 1)).getpixel((0, 0))
        colours_used = len(set(drawn.convert("RGB").get_flattened_data()))
    assert isinstance(bright, int | float)
    assert (bright < 80) == (scheme == "dark")
    assert colours_used > 50
