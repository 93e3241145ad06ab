"""Take the pictures of reports in docs/pictures: two runs of default settings, opened in a headless Chromium.

python -m bench.pages
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PICTURES = Path(__file__).parent.parent / "docs/pictures"
RUNS = {
    "moons": ["fit", "moons", "--kernel", "spline"],
    "digits": ["fit", "digits", "--by-label", "--max-time", "60"],
}
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


def main() -> None:
    """Fit, open, shoot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, help="folder of the runs, kept; those that are there are not fitted again")
    folder = parser.parse_args().runs or Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    for name, words in RUNS.items():
        if not (folder / name / "report.html").exists():
            command = [sys.executable, "-m", "realnvp", *words, "--no-figures", "--quiet", "--out", name]
            subprocess.run(command, cwd=folder, check=True)
    with browser() as driver:
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


if __name__ == "__main__":
    main()
