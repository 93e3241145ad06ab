"""Runs of each kind, written once by the command, and a real browser to open their pages in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

BINARIES = ("chromium", "chromium-browser", "google-chrome")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def driver():
    """A headless Chromium; without one the tests are skipped, in CI they fail."""
    binary = next((found for name in BINARIES if (found := shutil.which(name))), None)
    server = shutil.which("chromedriver")
    if binary is None or server is None:
        reason = "no Chromium with its driver is installed: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "hide-scrollbars"):
        options.add_argument(f"--{word}")
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=Service(server)) as started:
        yield started


class Browser:
    """The driver with a page open: scripts, keys, drags, and what the console said."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, path, *, width=1280, height=900, dark=False, still=False, mobile=False):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        wishes = {"prefers-color-scheme": "dark" if dark else "light"}
        wishes["prefers-reduced-motion"] = "reduce" if still else "no-preference"
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get_log("browser")
        self.driver.get(path if str(path).startswith("http") else Path(path).absolute().as_uri())
        self.driver.execute_script("try { localStorage.clear(); } catch { /* none */ }")
        return self

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def console(self):
        """What the console said, but for the browser's advice about the tests' own reading of pixels."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in said if "willReadFrequently" not in message]

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def press(self, selector, *keys):
        element = self.find(selector)
        self.js("arguments[0].focus()", element)
        element.send_keys(*keys)

    def choose(self, selector, value):
        script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))"
        self.js(script, self.find(selector), str(value))

    def drag(self, selector, start, end):
        """Press at one place of an element, in pixels from its corner, and let go at another."""
        from selenium.webdriver.common.action_chains import ActionChains

        element = self.find(selector)
        self.js("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        box = element.rect
        (a, b), (c, d) = (
            [int(v - s / 2) for v, s in zip(at, (box["width"], box["height"]), strict=True)] for at in (start, end)
        )
        chain = ActionChains(self.driver, duration=30)
        chain.move_to_element_with_offset(element, a, b).click_and_hold()
        chain.move_to_element_with_offset(element, (a + c) // 2, (b + d) // 2)
        chain.move_to_element_with_offset(element, c, d).release().perform()

    def hover(self, selector, at):
        from selenium.webdriver.common.action_chains import ActionChains

        element = self.find(selector)
        self.js("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        x, y = (round(v - s / 2) for v, s in zip(at, (element.rect["width"], element.rect["height"]), strict=True))
        ActionChains(self.driver, duration=10).move_to_element_with_offset(element, x, y).perform()


@pytest.fixture
def browser(driver):
    opened = Browser(driver)
    yield opened
    assert opened.console() == []  # not a word on any page, whatever was done with it


class Run:
    """A run folder and what is in it."""

    def __init__(self, folder):
        self.folder, self.page = folder, folder / "report.html"
        self.config = json.loads((folder / "config.json").read_text())
        self.history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
        self.kept = load_file(folder / "rows.safetensors")
        self.weights = load_file(folder / "model.safetensors")


def command(folder, *words):
    """Run the command in a process of its own, in a folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "realnvp", *map(str, words)], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


QUICK = ["--no-figures", "--quiet", "--layers", "2", "--width", "16"]


@pytest.fixture(scope="session")
def moons(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moons")
    command(folder, "fit", "moons", "--kernel", "spline", "--max-steps", 120, "--rows", 3000, *QUICK, "--out", "run")
    return Run(folder / "run")


@pytest.fixture(scope="session")
def wide(tmp_path_factory):
    """Six columns, one of them with a name that is HTML."""
    folder = tmp_path_factory.mktemp("wide")
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 6)) @ np.triu(np.ones((6, 6))) + 3
    names = "<img src=x onerror=alert(1)>,b,c,d,e,f"
    np.savetxt(folder / "wide.csv", values, delimiter=",", header=names, comments="", fmt="%.7g")
    command(folder, "fit", "wide.csv", "--max-steps", 30, *QUICK, "--out", "run")
    return Run(folder / "run")


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """Thirty columns, of a mixture of flows and plainer densities."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 30)) @ (np.eye(30) + 0.5 * np.eye(30, k=1))
    values[:, ::3] = np.sinh(values[:, ::3])
    names = ",".join(f"c{j}" for j in range(30))
    np.savetxt(folder / "many.csv", values, delimiter=",", header=names, comments="", fmt="%.7g")
    command(folder, "fit", "many.csv", "--max-steps", 60, "--members", 3, *QUICK, "--out", "run")
    return Run(folder / "run")


@pytest.fixture(scope="session")
def line(tmp_path_factory):
    folder = tmp_path_factory.mktemp("line")
    command(
        folder, "fit", "exponential", "--kernel", "spline", "--max-steps", 40, "--rows", 1000, *QUICK, "--out", "run"
    )
    return Run(folder / "run")


@pytest.fixture(scope="session")
def given(tmp_path_factory):
    """Two columns given a third."""
    folder = tmp_path_factory.mktemp("given")
    rng = np.random.default_rng(0)
    c = rng.uniform(-2, 2, 600)
    x = np.stack([np.sin(2 * c), c**2], 1) + 0.2 * rng.normal(size=(600, 2))
    np.savetxt(folder / "wave.csv", np.column_stack([x, c]), delimiter=",", header="a,b,time", comments="")
    command(folder, "fit", "wave.csv", "--context", "time", "--max-steps", 30, *QUICK, "--out", "run")
    return Run(folder / "run")


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """A number, a text whose values are HTML, true or false, and a count."""
    folder = tmp_path_factory.mktemp("texts")
    rng = np.random.default_rng(0)
    town = rng.choice(["<b>Oslo</b>", "Bergen", "Tromsø"], 400)
    size, open_, count = rng.normal(town == "Bergen"), rng.random(400) < 0.3, rng.poisson(3, 400)
    lines = [f"{s!r},{t},{str(o).lower()},{n}" for s, t, o, n in zip(size.tolist(), town, open_, count, strict=True)]
    (folder / "texts.csv").write_text("\n".join(["size,town,open,count", *lines]) + "\n")
    command(folder, "fit", "texts.csv", "--max-steps", 40, *QUICK, "--out", "run")
    return Run(folder / "run")


@pytest.fixture(scope="session")
def energy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("energy")
    command(folder, "boltzmann", "u1", "--max-steps", 40, *QUICK, "--out", "run")
    return Run(folder / "run")


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    command(folder, "fit", "digits", "--by-label", "--max-steps", 8, *QUICK, "--out", "run")
    return Run(folder / "run")
