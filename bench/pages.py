"""Take the pictures of reports in docs/pictures, runs of default settings opened in a headless Chromium, and time them.

python -m bench.pages              the pictures, and how large pages are and how long they take to open
python -m bench.pages --figures    only the figures
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from sklearn.datasets import load_wine

from bench.common import heading, table
from realnvp.cli.serve import server

PICTURES = Path(__file__).parent.parent / "docs/pictures"
RUNS = {
    "moons": ["fit", "moons", "--kernel", "spline"],
    "digits": ["fit", "digits", "--by-label", "--max-time", "60"],
    "wine": ["fit", "wine.csv", "--max-time", "20"],
}
MORE = {
    "u4": ["boltzmann", "u4", "--max-time", "20"],
    "wide": ["fit", "wide.npy", "--max-time", "20"],
}
"""Runs whose pages are timed only: an energy, and a table of 40 columns."""
OPENED = 9
LIVE = ["fit", "moons", "--kernel", "spline", "--max-time", "60", "--live"]
"""A training that is looked at while it goes on."""
NOTHING = "() => false"
SHOTS = [
    # file, run, width, height, dark, place in the flow, where to scroll, points to select
    ("report.png", "moons", 1280, 1330, False, 2.5, "body", NOTHING),
    ("report_dark.png", "moons", 1280, 900, True, 3.0, "#explorer", "(i) => report.value(0, i, 0) > 1.2"),
    ("report_phone.png", "moons", 390, 1500, False, 2.0, "#explorer", NOTHING),
    ("report_digits.png", "digits", 1280, 1340, False, 3.0, "#explorer", NOTHING),
    ("report_pairs.png", "wine", 1280, 1330, False, 0.0, "#corner", "(i) => report.value(0, i, 0) > 13.5"),
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
    load_wine(as_frame=True).data[["alcohol", "flavanoids", "color_intensity", "hue", "proline"]].to_csv(
        folder / "wine.csv", index=False
    )
    for name, words in runs.items():
        if not (folder / name / "report.html").exists():
            command = [sys.executable, "-m", "realnvp", *words, "--no-figures", "--quiet", "--out", name]
            subprocess.run(command, cwd=folder, check=True)


def pictures(driver: webdriver.Chrome, folder: Path) -> None:
    """Open, shoot."""
    for file, name, width, height, dark, place, anchor, chosen in SHOTS:
        look(driver, width, height, dark)
        driver.get((folder / name / "report.html").absolute().as_uri())
        driver.execute_script("report.goTo(arguments[0])", place)
        driver.execute_script("document.querySelector(arguments[0]).scrollIntoView()", anchor)
        driver.execute_script(f"report.state.select({chosen})")
        shoot(driver, file)


def look(driver: webdriver.Chrome, width: int, height: int, dark: bool = False) -> None:
    """Set the size of the window, and the theme."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": theme})


def shoot(driver: webdriver.Chrome, file: str) -> None:
    """Take the picture."""
    time.sleep(0.5)
    driver.save_screenshot(str(PICTURES / file))
    print(f"{PICTURES / file}: {(PICTURES / file).stat().st_size:,} bytes")


def live(driver: webdriver.Chrome, folder: Path) -> None:
    """Shoot the page of a training that goes on."""
    run = folder / "live"
    command = [sys.executable, "-m", "realnvp", *LIVE, "--no-figures", "--quiet", "--out", str(run), "--force"]
    with subprocess.Popen(command) as training, server(run, 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        look(driver, 1280, 1250)
        driver.get(f"http://127.0.0.1:{serving.server_port}/")
        for _ in range(300):
            time.sleep(0.1)
            if driver.execute_script("return Boolean(window.report && report.data.training)"):
                break
        time.sleep(15)  # until there is a course to see
        driver.execute_script("report.goTo(2.5)")
        shoot(driver, "serve.png")
        serving.shutdown()
        training.terminate()


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
            live(driver, folder)
        print(heading("python -m bench.pages"))
        print(figures(driver, folder))


if __name__ == "__main__":
    main()
