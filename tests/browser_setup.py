"""Have a Chromium for the browser tests: `python -m tests.browser_setup`.

Looks at CHROMIUM_PATH, then on PATH, then for Playwright's own; if there is none, installs one: from the
distribution where we may (root on Debian or Ubuntu), else Playwright's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")


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
    commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and Path("/etc/debian_version").exists():
        commands.insert(0, ["apt-get", "install", "-y", "-q", "chromium"])
    return any(subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0 for command in commands)


def main() -> int:
    if chromium() or ("CHROMIUM_PATH" not in os.environ and install() and chromium()):
        return 0
    sys.stderr.write(
        "The browser tests need Chromium: install it with your package manager (apt-get install chromium) "
        "or set CHROMIUM_PATH to a Chromium or Chrome.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
