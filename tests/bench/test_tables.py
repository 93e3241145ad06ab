"""The bench of tables: fair rows, exact densities, results that are kept, and a fault that is a row and not an end."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from bench.tables import cells as kept_cells
from bench.tables.__main__ import main
from bench.tables.budget import CLOCKS, Budget
from bench.tables.cells import kept, write
from bench.tables.child import measure
from bench.tables.entries import ENTRIES, Entry
from bench.tables.models.classic import fit
from bench.tables.report import lines, report
from bench.tables.rows import VERSIONS, Rows, read

SKLEARN = ("sklearn mixture", "sklearn kernel density", "one Gaussian")


@pytest.fixture
def data(tmp_path):
    """A folder with one tiny table, its columns of unlike scales."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(360, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.3], [0, 0, 1]]) * [1, 100, 0.01] + [0, 5, 1]
    (tmp_path / "tabular").mkdir()
    np.savez(tmp_path / "tabular" / "tiny.npz", train=x[:240], val=x[240:300], test=x[300:])
    return tmp_path


def told(data, name, **more):
    asked = {"folder": str(data / "tabular"), "table": "tiny", "version": "plain", "limit": 2.0, "clock": "wall"}
    return ENTRIES[name].told() | asked | {"seed": 0} | more


def run(data, *words):
    main(["--data-dir", str(data), "--results", str(data / "r.jsonl"), "--limits", "2", "--seeds", "1", *words])
    return list(kept(data / "r.jsonl"))


def test_every_model_has_a_row_and_the_time_is_kept(data, capsys):
    found = run(data, "--models", ",".join(["realnvp", *SKLEARN]), "--clock", "cpu")

    assert [r["model"] for r in found] == ["realnvp", *SKLEARN]
    assert all(np.isfinite(r["nll"]) and r["seconds"] < 3 for r in found), found
    assert max(r["nll"] for r in found) - min(r["nll"] for r in found) < 2  # the Jacobian of the scales is 4.6 each
    printed = capsys.readouterr().out
    assert "First: " in printed
    assert all(name in printed for name in SKLEARN)


def test_what_is_in_the_file_is_not_run_again_but_what_differs_is(data):
    words = ("--models", "one Gaussian")
    run(data, *words)

    assert len(run(data, *words)) == 1
    assert len(run(data, *words, "--again")) == 2
    rows, _ = read(data / "tabular", "tiny")
    np.savez(data / "tabular" / "tiny.npz", train=rows.train + 1, val=rows.val, test=rows.test)
    assert len(run(data, *words)) == 3  # another table under the same name


def test_a_peer_that_stopped_by_itself_is_not_run_for_longer(data, monkeypatch):
    def fit(self):
        asked.append(self.limit)
        return {"nll": 1.0, "seconds": 1.0, "note": notes[len(asked) - 1]}

    asked, notes = [], ["ended by the time", *["ended by early stopping"] * 3]
    monkeypatch.setattr(kept_cells.Cell, "_fit", fit)
    for limit in ("1.05", "2", "3"):
        found = run(data, "--models", "zuko NSF", "--limits", limit)
    run(data, "--models", "realnvp", "--limits", "9", "10")

    assert asked == [1.05, 2, 9, 10]
    assert [r["limit"] for r in found] == [1.05, 2, 3]
    assert found[2]["note"] == "ended by early stopping; as in 2 s"


def cell(name, **other):
    asked = {"folder": None, "table": "t", "version": "plain", "data": "", "limit": 1.0, "clock": "wall", "seed": 0}
    return kept_cells.Cell(ENTRIES[name], **asked | other)


OTHER = {"table": "u", "version": "log", "data": "x", "limit": 2.0, "clock": "cpu", "seed": 1}


@pytest.mark.parametrize("name", OTHER)
def test_a_cell_hangs_on_all_that_is_asked(name):
    assert cell("zuko NSF", **{name: OTHER[name]}).key() != cell("zuko NSF").key()


def test_another_commit_of_ours_is_another_cell_and_not_for_the_peers(data, monkeypatch):
    def keys():
        return [cell(name).key() for name in ("realnvp", "zuko NSF")]

    before = keys()
    monkeypatch.setattr(kept_cells, "build", lambda: "another")
    after = keys()

    assert before[0] != after[0]
    assert before[1] == after[1]


def test_a_missing_package_and_a_crash_are_rows(data, monkeypatch, capsys):
    missing = Entry("one Gaussian", "classic", ("no-such-package",), {"model": "gaussian"})
    crash = Entry("sklearn mixture", "classic", ("numpy",), {"model": "no such model"})
    monkeypatch.setitem(ENTRIES, "one Gaussian", missing)
    monkeypatch.setitem(ENTRIES, "sklearn mixture", crash)

    first, second = run(data, "--models", "one Gaussian,sklearn mixture")

    assert first["error"] == "no-such-package not installed"
    assert second["error"] == "exit 1: KeyError: 'no such model'"
    assert "None could be measured." in capsys.readouterr().out


def test_print_runs_nothing(data, capsys):
    main(["--print", "--results", str(data / "r.jsonl")])

    assert "no results" in capsys.readouterr().out
    assert not (data / "r.jsonl").exists()


def test_a_line_cut_short_is_left_out_and_the_next_is_whole(tmp_path):
    file = tmp_path / "deep" / "r.jsonl"
    write(file, {"a": 1})
    with file.open("a") as out:
        out.write('{"a": 2, "b"')
    write(file, {"a": 3})

    assert list(kept(file)) == [{"a": 1}, {"a": 3}]


def test_the_gaussian_is_the_closed_form_in_the_units_of_the_rows(data):
    rows, _ = read(data / "tabular", "tiny")
    seen = np.concatenate((rows.train, rows.val))
    exact = multivariate_normal(seen.mean(0), np.cov(seen.T, bias=True)).logpdf(rows.test)

    found = measure(told(data, "one Gaussian"))

    assert found["nll"] == pytest.approx(-exact.mean(), abs=1e-9)
    assert found["row_error"] == pytest.approx(exact.std(ddof=1) / 60**0.5, abs=1e-9)


def test_a_kernel_density_integrates_to_one_in_the_units_of_the_rows(data):
    x = np.random.default_rng(0).normal(size=(200, 1)) * 30
    grid = np.linspace(-300, 300, 4001)[:, None]
    np.savez(data / "tabular" / "tiny.npz", train=x[:150], val=x[150:], test=grid)
    rows, _ = read(data / "tabular", "tiny")
    seen, shift = rows.standardised()

    density = np.exp(fit(seen, Budget(5.0), 0, model="kernel").log_prob(seen.test) + shift)

    assert density.sum() * 0.15 == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_its_rows_and_nothing_of_the_test_is_learnt(data, version):
    plain, _ = read(data / "tabular", "tiny")
    other = Rows(plain.train, plain.val, plain.test[::-1] * 2)

    found, again = VERSIONS[version](plain), VERSIONS[version](other)

    seen = {"30 rows": [24, 6], "100 rows": [80, 20]}.get(version, [240, 60])
    assert [len(x) for x in (found.train, found.val, found.test)] == [*seen, 60]
    assert found.features == plain.features + 5 * (version == "noise")
    np.testing.assert_array_equal(found.train, again.train)
    np.testing.assert_array_equal(found.val, again.val)


def test_rotation_and_another_order_of_columns_leave_the_gaussian_as_it_is(data):
    nll = {version: measure(told(data, "one Gaussian", version=version))["nll"] for version in VERSIONS}

    assert nll["rotated"] == pytest.approx(nll["plain"], abs=1e-8)
    assert nll["shuffled"] == pytest.approx(nll["plain"], abs=1e-8)
    assert nll["noise"] == pytest.approx(nll["plain"] + 2.5 * np.log(2 * np.pi * np.e), abs=0.5)


def test_ranks_become_normal_scores_strictly_increasing_also_beyond_the_rows_trained_on():
    generator = np.random.default_rng(0)
    train = np.round(generator.exponential(size=(5000, 1)), 2)  # with ties
    unseen = generator.exponential(size=(2000, 1))
    steps = []
    for count in (3001, 30001):
        beyond = np.linspace(train.min() - 5, train.max() + 5, count)[:, None]
        found = VERSIONS["rank"](Rows(train, unseen, beyond))
        steps.append(np.diff(found.test[:, 0]))

    assert steps[1].min() > 0
    assert steps[1].max() < 0.2 * steps[0].max()  # no jump: ten times nearer is ten times less
    for level in (0.1, 0.5, 0.9):
        assert np.quantile(found.val, level) == pytest.approx(norm.ppf(level), abs=0.1)


def test_the_logarithm_keeps_the_sign_and_has_an_inverse():
    x = np.array([[-1000.0], [-0.5], [0.0], [3.0]])
    found = VERSIONS["log"](Rows(x, x, x)).test

    np.testing.assert_allclose(np.sign(found) * np.expm1(np.abs(found)), x)


def test_by_the_processor_ours_does_not_count_waiting():
    """A sleep in the midst of the training costs none of the processor's seconds; others still go by the wall."""
    script = (
        "import time; import realnvp.estimators.density, realnvp.train.world as world\n"
        "from bench.tables.budget import tell_ours_by\n"
        "tell_ours_by('wall'); print(world.time is time)\n"
        "tell_ours_by('cpu'); ours, wall = world.time.monotonic(), time.monotonic(); world.time.sleep(0.5)\n"
        "print(world.time.monotonic() - ours, time.monotonic() - wall)"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True)
    untouched, ours, others = done.stdout.split()

    assert untouched == "True"
    assert float(ours) < 0.2
    assert float(others) >= 0.5


def test_the_processors_clock_counts_children_that_were_waited_for():
    began = CLOCKS["cpu"]()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)

    assert CLOCKS["cpu"]() - began > 0.25


def test_a_budget_runs_down():
    budget = Budget(0.1)
    time.sleep(0.15)

    assert budget.left() < 0 < budget.spent()


def result(model, nll, seed=0, build="", **more):
    facts = {"table": "t", "version": "plain", "limit": 20.0, "clock": "wall", "data": ""}
    facts |= {"packages": {}, "options": {}}
    times = {"wall": 10.0, "cpu": 9.0, "seconds": 10.0, "note": ""}
    return facts | times | {"model": model, "seed": seed, "build": build, "nll": nll} | more


def test_who_is_first_and_who_is_within_a_standard_error():
    of = lines(
        [result("zuko NSF", v, s) for s, v in enumerate((1.0, 1.2, 1.1))]
        + [result("realnvp", v, s) for s, v in enumerate((1.0, 1.2, 1.05))]
        + [result("sklearn mixture", v, s) for s, v in enumerate((1.2, 1.21, 1.22))]
    )

    assert [line.model for line in of] == ["realnvp", "zuko NSF", "sklearn mixture"]
    assert [line.near(of[0]) for line in of[1:]] == [True, False]
    assert of[1].error == pytest.approx(0.1 / 3**0.5)


def test_versions_do_not_mix_and_the_last_result_of_a_seed_counts():
    results = [result("realnvp", 5.0, 0, "old"), result("realnvp", 5.0, 1, "old"), result("realnvp", 3.0, 0, "new"),
               result("realnvp", 2.0, 0, "new")]  # fmt: skip

    (line,) = lines(results)
    both = lines(results, builds=True)

    assert line.found == [2.0]
    assert [x.found for x in both] == [[2.0], [5.0, 5.0]]


def test_a_seed_that_failed_is_told_and_its_model_is_not_first():
    failed = {k: v for k, v in result("zuko NSF", 0.0, 1, error="exit 1: boom").items() if k != "nll"}
    late = result("sklearn mixture", 3.0, seconds=23.0)
    told = report([result("zuko NSF", 0.0), failed, late, json.loads(json.dumps(result("realnvp", 1.0)))])

    assert "1 of 2 failed: exit 1: boom" in told
    assert "First: realnvp." in told
    assert "no, 1.1 times" in told or "no, 1.2 times" in told
