"""Have a Chromium and a Chinese font for the tests: `python -m tests.browser_setup`.

Looks at CHROMIUM_PATH, then on PATH, then for Playwright's own; if there is none, installs one: from the
distribution where we may (root on Debian or Ubuntu), else Playwright's. A font is installed where we may; without one
the tests that measure Chinese pages, or draw Chinese, fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from matplotlib import get_cachedir

from aggregator.analysts.plotting import HAN_FONTS

# The same engine and pages without a window's surroundings comes first: a page takes it half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Path of a browser that can be started, or None."""
    told = os.environ.get("CHROMIUM_PATH")
    if told:
        return told if Path(told).is_file() else None
    return next((path for name in NAMES if (path := shutil.which(name))), None) or _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def install() -> bool:
    """Try to get one. What the installers say goes to our standard error."""
    if _may_install() and any(map(_installed, NAMES[:2])):
        return True
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0


def _may_install() -> bool:
    return os.geteuid() == 0 and Path("/etc/debian_version").exists()


def _installed(package: str) -> bool:
    for command in (["update", "-q"], ["install", "-y", "-q", package]):
        done = subprocess.run(["apt-get", *command], stdout=sys.stderr, check=False)
    return done.returncode == 0


def have_chinese_font() -> None:
    """matplotlib notes which fonts there are, and forgets it only with its file."""
    if _known_chinese_font():
        return
    if not _on_this_machine() and not (_may_install() and _installed("fonts-noto-cjk")):
        sys.stderr.write("Tests of Chinese pages and plots need a font: install fonts-noto-cjk, or another one.\n")
        return
    for noted in Path(get_cachedir()).glob("fontlist-*.json"):
        noted.unlink()


def _known_chinese_font() -> bool:
    from matplotlib import font_manager

    return not {font.name for font in font_manager.fontManager.ttflist}.isdisjoint(HAN_FONTS)


def _on_this_machine() -> bool:
    found = shutil.which("fc-list")
    return found is not None and bool(subprocess.run([found, ":lang=zh"], capture_output=True, check=False).stdout)


def main() -> int:
    have_chinese_font()
    if chromium() or ("CHROMIUM_PATH" not in os.environ and install() and chromium()):
        return 0
    sys.stderr.write(
        "The browser tests need Chromium: install it with your package manager (apt-get install chromium) "
        "or set CHROMIUM_PATH to a Chromium or Chrome.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
