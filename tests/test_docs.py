"""The README and the pages of the documentation: their code runs, their commands parse, their links lead somewhere."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import torch
import typer

import realnvp
from realnvp.cli.app import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {
    p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in [ROOT / "README.md", *DOCS.rglob("*.md")]
}
WRITTEN = {name: text for name, text in PAGES.items() if not name.startswith("docs/notebooks/")}  # those are run apart
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
PEERS = ("zuko", "nflows", "normflows", "flowjax", "sklearn", "tensorflow_probability", "sbi")


def blocks(text, kind):
    """The fenced blocks of a kind: their titles, and their code on the lines that it has in the page."""
    found = [m for m in BLOCK.finditer(text) if m["kind"] == kind]
    return [(m["title"], "\n" * text[: m.start("code")].count("\n") + m["code"]) for m in found]


def run(code, name, names):
    exec(compile(code, name, "exec"), names)


@pytest.fixture
def aside(tmp_path, monkeypatch):
    """An empty folder to work in, and one thread."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


README = blocks(PAGES["README.md"], "python")


@pytest.mark.parametrize("number", range(len(README)))
def test_each_python_block_of_the_readme_runs_by_itself(number, aside):
    run(README[number][1], "README.md", {})


@pytest.mark.parametrize("page", sorted(n for n, text in WRITTEN.items() if n != "README.md" and "```python" in text))
def test_the_python_of_a_page_runs_from_top_to_bottom(page, aside):
    names = {}
    for title, code in blocks(WRITTEN[page], "python"):
        if title is None:
            run(code, page, names)
        elif importlib.util.find_spec(title):
            run(code, page, dict(names))
        else:
            compile(code, page, "exec")


def test_code_with_a_title_is_that_of_a_known_peer():
    titles = {title for text in WRITTEN.values() for title, _ in blocks(text, "python") if title}

    assert titles <= set(PEERS)


def commands():
    """Every line of the pages that begins with ``realnvp``."""
    return sorted(
        {
            line
            for text in PAGES.values()
            for _, code in blocks(text, "sh")
            for line in code.splitlines()
            if line.startswith("realnvp ")
        }
    )


@pytest.mark.parametrize("line", commands())
def test_a_command_is_one_that_the_command_line_takes(line):
    _, name, *words = shlex.split(line, comments=True)
    whole = typer.main.get_command(app)

    if name != "--version":
        whole.commands[name].make_context(name, words)  # an unknown option, or one too few, ends the program


def test_a_command_with_an_unknown_option_is_found():
    with pytest.raises(Exception, match=r"--unheard-of"):
        typer.main.get_command(app).commands["fit"].make_context("fit", ["moons", "--unheard-of"])


def test_the_readme_shows_the_commands():
    said = set(re.findall(r"^realnvp (\w+)", PAGES["README.md"], re.MULTILINE))

    assert said == {"fit", "boltzmann", "sample", "score", "info", "report", "impute", "serve"}


def anchors(text):
    """The anchors of a page's headings, as the site makes them."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", h).strip().lower()) for h in headings}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_and_pictures_of_a_page_exist(page):
    text = BLOCK.sub("", PAGES[page])
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text)
    wrong = []
    for link, anchor in links:
        target = (ROOT / page).parent / link if link else ROOT / page
        inside = not anchor or anchor in anchors(target.read_text(encoding="utf-8"))
        wrong += [] if target.is_file() and inside else [(link, anchor)]

    assert wrong == []


def test_the_figures_beside_others_are_those_of_the_benchmarks():
    rows = re.findall(r"^\|.*\|$", PAGES["docs/comparison.md"].split("## Figures")[1], re.MULTILINE)
    figures = set(re.findall(r"-?\d+\.\d+", "\n".join(rows)))

    assert len(figures) > 60
    assert figures <= set(re.findall(r"-?\d+\.\d+", PAGES["docs/benchmarks.md"]))


def test_the_sentences_of_the_page_of_troubles_are_the_librarys():
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src/realnvp").rglob("*.py"))
    source = re.sub(r'"\s*\n\s*f?"', "", source)  # a sentence over several lines
    tables = PAGES["docs/trouble.md"].split("## The cures, tried")[0]
    said = re.findall(r'(?<![=`\w])"([^"]{20,})"', tables)
    pieces = [piece.strip() for sentence in said for piece in re.split(r"…|'[^']*'|\d+", sentence)]

    assert len(said) > 12
    assert [piece for piece in pieces if len(piece) > 7 and piece not in source] == []


def test_every_page_is_in_the_navigation():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")

    assert [n for n in PAGES if n != "README.md" and n.removeprefix("docs/") not in menu] == []


def test_every_public_module_has_its_place_in_the_reference():
    told = set(re.findall(r"^::: (\S+)", "\n".join(PAGES.values()), re.MULTILINE))
    homes = {f"realnvp.{home}" for home in realnvp._HOMES.values()}
    modules = {f"realnvp.{name}" for name in realnvp.__all__ if name not in realnvp._HOMES}

    assert homes | modules <= told


def test_pictures_of_the_documentation_are_all_shown_and_not_heavy():
    shown = "\n".join(PAGES.values())
    made = [p for p in DOCS.rglob("*.png") if p.name.startswith(("how_", "notebook_"))]

    assert [p.name for p in DOCS.rglob("*.png") if p.name not in shown] == []
    assert [p.name for p in made if p.stat().st_size > 150_000] == []
