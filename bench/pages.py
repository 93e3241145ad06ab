"""Take the pictures of reports in docs/pictures, runs of default settings opened in a headless Chromium, and time them.

python -m bench.pages              the pictures, and how large pages are and how long they take to open
python -m bench.pages --figures    only the figures
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from bench.common import heading, table

PICTURES = Path(__file__).parent.parent / "docs/pictures"
RUNS = {
    "moons": ["fit", "moons", "--kernel", "spline"],
    "digits": ["fit", "digits", "--by-label", "--max-time", "60"],
}
MORE = {
    "u4": ["boltzmann", "u4", "--max-time", "20"],
    "wide": ["fit", "wide.npy", "--max-time", "20"],
}
"""Runs whose pages are timed only: an energy, and a table of 40 columns."""
OPENED = 9
SHOTS = [
    # file, run, width, height, dark, place in the flow, where to scroll
    ("report.png", "moons", 1280, 1330, False, 2.5, "body"),
    ("report_dark.png", "moons", 1280, 900, True, 3.0, "#explorer"),
    ("report_phone.png", "moons", 390, 1500, False, 2.0, "#explorer"),
    ("report_digits.png", "digits", 1280, 1340, False, 3.0, "#explorer"),
]


def browser() -> webdriver.Chrome:
    """Start it."""
    options = webdriver.ChromeOptions()
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "hide-scrollbars"):
        options.add_argument(f"--{word}")
    options.binary_location = str(shutil.which("chromium"))
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def fitted(folder: Path, runs: dict[str, list[str]]) -> None:
    """Fit what is not there yet."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    np.save(folder / "wide.npy", rng.normal(size=(5000, 40)) @ rng.normal(size=(40, 40)))
    for name, words in runs.items():
        if not (folder / name / "report.html").exists():
            command = [sys.executable, "-m", "realnvp", *words, "--no-figures", "--quiet", "--out", name]
            subprocess.run(command, cwd=folder, check=True)


def pictures(driver: webdriver.Chrome, folder: Path) -> None:
    """Open, shoot."""
    for file, name, width, height, dark, place, anchor in SHOTS:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": theme})
        driver.get((folder / name / "report.html").absolute().as_uri())
        driver.execute_script("report.goTo(arguments[0])", place)
        driver.execute_script("document.querySelector(arguments[0]).scrollIntoView()", anchor)
        if dark:  # a brush over the end of one moon
            driver.execute_script("report.state.select((i) => report.value(0, i, 0) > 1.2)")
        time.sleep(0.5)
        driver.save_screenshot(str(PICTURES / file))
        print(f"{PICTURES / file}: {(PICTURES / file).stat().st_size:,} bytes")


def figures(driver: webdriver.Chrome, folder: Path) -> str:
    """Lay out how large each page is, and milliseconds until it is drawn, the median of some openings."""
    rows = []
    for name in (*RUNS, *MORE):
        page, spent = folder / name / "report.html", []
        for _ in range(OPENED):
            driver.get(page.absolute().as_uri())
            spent.append(
                driver.execute_script("return performance.timing.loadEventEnd - performance.timing.fetchStart")
            )
        rows.append([name, f"{page.stat().st_size / 1e6:.2f}", f"{np.median(spent):.0f}", f"{max(spent):.0f}"])
    return table(["page", "MB", "ms to open, median", "most"], rows)


def main() -> None:
    """Fit, open, shoot, time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, help="folder of the runs, kept; those that are there are not fitted again")
    parser.add_argument("--figures", action="store_true", help="take no pictures")
    options = parser.parse_args()
    folder = options.runs or Path(tempfile.mkdtemp())
    fitted(folder, RUNS | MORE)
    with browser() as driver:
        if not options.figures:
            pictures(driver, folder)
        print(heading("python -m bench.pages"))
        print(figures(driver, folder))


if __name__ == "__main__":
    main()
