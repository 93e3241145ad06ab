import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from realnvp import RealNVP, __version__
from realnvp.data.table import read_table


def scores(run, X, **given):
    """Log densities by the estimator itself, the columns under the names it learnt."""
    model = RealNVP.load(run)
    return model.score_samples(pd.DataFrame(X, columns=model.feature_names_in_), **given)


QUICK = ["--max-steps", "20", "--layers", "2", "--width", "8"]


def test_fit_moons_says_how_far_it_is_from_the_truth_and_what_to_run_next(realnvp, tmp_path):
    code, out, err = realnvp("fit", "moons", *QUICK)

    assert (code, err) == (0, "")
    for word in ("held-out NLL", "exact entropy", "0.2892", "gap to the truth", "nats", "runs/moons", "realnvp sample"):
        assert word in out
    assert {p.name for p in (tmp_path / "runs/moons").iterdir()} == {
        "config.json",
        "figures",
        "history.jsonl",
        "model.safetensors",
        "report.html",
        "rows.safetensors",
    }
    assert {p.name for p in (tmp_path / "runs/moons/figures").iterdir()} == {
        "before_after.png",
        "density.png",
        "grid.png",
        "latent.png",
        "pit.png",
        "samples.png",
        "training.png",
    }


def test_the_gap_it_prints_is_the_divergence_from_the_exact_density(realnvp, tmp_path):
    from realnvp.data import toy

    realnvp("fit", "moons", *QUICK, "--out", "run")
    figures = json.loads((tmp_path / "run/config.json").read_text())["figures"]
    X = toy("moons").sample(40_000, 99)
    gap = (toy("moons").log_prob(X) - RealNVP.load("run").score_samples(X)).mean()

    assert figures["gap"] == pytest.approx(gap, abs=5 * figures["gap_error"])
    assert figures["held_out_nll"] == pytest.approx(figures["entropy"] + figures["gap"], abs=0.03)


def test_fit_table_then_sample_and_score_keep_the_column_names(realnvp, table, tmp_path):
    assert realnvp("fit", table, *QUICK, "--out", "run")[0] == 0
    assert realnvp("sample", "run", "-n", 50, "--out", "new.parquet")[0] == 0
    code, out, _ = realnvp("score", "run", "new.parquet", "--out", "scores.csv")

    assert code == 0
    assert pyarrow.parquet.read_table("new.parquet").column_names == ["height", "width", "age"]
    written = read_table("scores.csv")
    assert written.columns == ("log_prob",)
    exact = scores("run", read_table("new.parquet").values)
    np.testing.assert_allclose(written.values[:, 0], exact, atol=1e-12)
    assert f"{exact.mean():.4f} nats per row" in out
    assert (tmp_path / "run/figures/corner.png").is_file()


def test_score_finds_the_columns_by_name_in_any_order(realnvp, table):
    realnvp("fit", table, *QUICK, "--columns", "width,height", "--out", "run")
    realnvp("score", "run", table, "--out", "scores.npy")
    X = read_table(table, ["width", "height"]).values

    np.testing.assert_allclose(np.load("scores.npy")[:, 0], scores("run", X), atol=1e-12)


def test_score_takes_an_array_without_names_by_position(realnvp, table):
    realnvp("fit", table, *QUICK, "--out", "run")
    X = read_table(table).values
    np.save("rows.npy", X)
    np.save("narrow.npy", X[:, :2])
    realnvp("score", "run", "rows.npy", "--out", "scores.npy")

    np.testing.assert_allclose(np.load("scores.npy")[:, 0], scores("run", X), atol=1e-12)
    assert "has 2 columns without names, the run 3" in realnvp("score", "run", "narrow.npy", "--out", "s.npy")[2]


def test_quotes_keep_a_comma_in_a_columns_name(realnvp, tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 3))
    pd.DataFrame(X, columns=["height, cm", "age", "width"]).to_csv("commas.csv", index=False)
    out = realnvp("fit", "commas.csv", *QUICK, "--columns", 'width,"height, cm"', "--context", "age", "--out", "run")[1]

    assert "2 columns given age" in out
    assert realnvp("sample", "run", "-n", "5", "--context", '"age=1"', "--out", "new.csv")[0] == 0
    assert read_table("new.csv").columns == ("width", "height, cm")


def test_columns_that_disagree_within_a_run_are_noticed(realnvp, table, tmp_path):
    realnvp("fit", table, *QUICK, "--out", "run")
    path = tmp_path / "run/config.json"
    config = json.loads(path.read_text())
    config["data"]["columns"].reverse()
    path.write_text(json.dumps(config))
    assert "it was changed after it was written" in realnvp("score", "run", table, "--out", "scores.csv")[2]
    del config["config_sha256"]  # as if by another program
    path.write_text(json.dumps(config))

    assert "it is damaged" in realnvp("score", "run", table, "--out", "scores.csv")[2]


def test_context_columns_are_conditioned_on(realnvp, table):
    assert realnvp("fit", table, *QUICK, "--context", "age", "--out", "run")[0] == 0
    assert realnvp("sample", "run", "-n", 10, "--context", "age=1.5", "--out", "new.csv")[0] == 0
    assert realnvp("score", "run", table, "--out", "scores.csv")[0] == 0

    assert read_table("new.csv").columns == ("height", "width")
    T = read_table(table).values
    exact = scores("run", T[:, :2], context=T[:, 2:])
    np.testing.assert_allclose(read_table("scores.csv").values[:, 0], exact, atol=1e-12)
    assert "give --context age=" in realnvp("sample", "run", "-n", 10, "--out", "more.csv")[2]
    assert "name=number" in realnvp("sample", "run", "--context", "age", "--out", "more.csv")[2]


def test_same_seed_same_files(realnvp, table):
    for out in ("one", "two"):
        realnvp("fit", table, *QUICK, "--out", out, "--seed", 3)
        realnvp("sample", out, "-n", 20, "--out", f"{out}.csv")
    realnvp("sample", "one", "-n", 20, "--seed", 1, "--out", "other.csv")
    files = {name: Path(name).read_bytes() for name in ("one.csv", "two.csv", "other.csv")}

    assert files["one.csv"] == files["two.csv"] != files["other.csv"]
    assert Path("one/model.safetensors").read_bytes() == Path("two/model.safetensors").read_bytes()


def test_nothing_is_overwritten_without_force(realnvp, table):
    realnvp("fit", table, *QUICK, "--out", "run")
    realnvp("sample", "run", "--out", "new.csv")
    before = Path("new.csv").read_bytes()

    assert "holds a run already" in realnvp("fit", table, *QUICK, "--out", "run")[2]
    assert realnvp("sample", "run", "--out", "new.csv")[0] == 2
    assert Path("new.csv").read_bytes() == before
    assert realnvp("sample", "run", "--out", "new.csv", "--force")[0] == 0
    assert realnvp("fit", table, *QUICK, "--out", "run", "--force")[0] == 0


def test_without_out_each_fit_gets_a_folder_of_its_own(realnvp, table, tmp_path):
    realnvp("fit", table, *QUICK)
    realnvp("fit", table, *QUICK)

    assert {p.name for p in (tmp_path / "runs").iterdir()} == {"table", "table-2"}


def test_info_shows_the_run_and_its_figures(realnvp, table):
    realnvp("fit", table, *QUICK, "--kernel", "affine", "--out", "run")
    code, out, _ = realnvp("info", "run")

    assert code == 0
    for word in ("affine couplings of width 8", "height, width, age", "held-out NLL", "a Gaussian's NLL"):
        assert word in out
    assert json.loads(realnvp("info", "run", "--json")[1])["data"]["columns"] == ["height", "width", "age"]


def test_quiet_says_nothing(realnvp, table):
    assert realnvp("fit", table, *QUICK, "--quiet")[1:] == ("", "")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("fit", "mons"), "no file and no known set is called 'mons': did you mean 'moons'?"),
        (("fit", "tabel.csv"), "tabel.csv does not exist: did you mean 'table.csv'?"),
        (("fit", "table.csv", "--columns", "heigth"), "has no column 'heigth': did you mean 'height'?"),
        (("fit", "table.csv", "--context", "heigth"), "has no column 'heigth': did you mean 'height'?"),
        (("fit", "table.csv", "--columns", "age", "--context", "age"), "named both in --columns and in --context"),
        (("fit", "table.csv", "--context", "height,width,age"), "leave at least one to learn"),
        (("fit", "moons", "--columns", "x0"), "is learnt whole"),
        (("fit", "text.csv"), "column 'b' holds 'Oslo'"),
        (("fit", "gap.csv"), "column 'b' has a missing value in row 2"),
        (("fit", "infinite.csv"), "column 'b'"),
        (("fit", "constant.csv"), "column 'b' is constant"),
        (("fit", "few.csv"), "has 2 rows: give at least 10"),
        (("fit", "empty.csv"), "is empty"),
        (("fit", "folder"), "holds no pictures"),
        (("info", "none"), "there is no run folder none"),
        (("info", "folder"), "is not a run folder"),
        (("sample", "none", "--out", "a.csv"), "there is no run folder none"),
        (("sample", "foreign", "--out", "a.csv"), "not written by realnvp"),
        (("score", "none", "table.csv", "--out", "a.csv"), "there is no run folder none"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(realnvp, table, tmp_path, args, sentence):
    for name, text in {
        "text.csv": "a,b\n1,2\n2,Oslo\n",
        "gap.csv": "a,b\n1,2\n2,\n",
        "infinite.csv": "a,b\n1,2\n2,inf\n",
        "constant.csv": "a,b\n" + "".join(f"{i},5\n" for i in range(30)),
        "few.csv": "a,b,c\n1,2,3\n2,3,5\n",
        "empty.csv": "",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/config.json").write_text("{}")
    code, out, err = realnvp(*args)

    assert code == 2
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err + out


def test_wrong_columns_at_score_time_get_a_sentence(realnvp, table, tmp_path):
    realnvp("fit", table, *QUICK, "--out", "run")
    (tmp_path / "other.csv").write_text("hight,width,age\n1,2,3\n")
    code, _, err = realnvp("score", "run", "other.csv", "--out", "scores.csv")

    assert code == 2
    assert "other.csv has no column 'height': did you mean 'hight'?" in err
    assert not (tmp_path / "scores.csv").exists()


def test_a_bad_row_far_down_leaves_no_partial_output(realnvp, table, tmp_path):
    realnvp("fit", table, *QUICK, "--out", "run")
    (tmp_path / "long.csv").write_text("height,width,age\n" + "1,2,3\n" * 70_000 + "1,,3\n")
    code, _, err = realnvp("score", "run", "long.csv", "--out", "scores.csv")

    assert code == 2
    assert "column 'width' has a missing value in row 70001" in err
    assert not [p for p in tmp_path.iterdir() if "scores" in p.name]


def test_a_damaged_model_gets_a_sentence(realnvp, table, tmp_path):
    realnvp("fit", table, *QUICK, "--out", "run")
    (tmp_path / "run/model.safetensors").write_bytes(b"junk")

    assert "checksum" in realnvp("sample", "run", "--out", "new.csv")[2]


def test_version(realnvp):
    assert realnvp("--version")[1] == f"realnvp {__version__}\n"


def test_help_loads_nothing_heavy():
    heavy = ("torch", "numpy", "sklearn", "matplotlib", "pyarrow", "scipy")
    code = f"import sys; from realnvp.cli.app import app; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_an_interrupt_saves_the_best_model_and_says_so(tmp_path):
    """The signal comes once the training is under way; a shell's background has it ignored, so it is heard again."""
    script = """
import os, signal, sys
from realnvp import session
from realnvp.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
look = session.Watch.look
def interrupted(watch, step):
    record = look(watch, step)
    os.kill(os.getpid(), signal.SIGINT)
    return record
session.Watch.look = interrupted
sys.argv = ["realnvp", "fit", "moons", "--max-steps", "2000", "--width", "8", "--out", "run"]
main()
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=200)

    assert done.returncode == 0, done.stderr
    assert "interrupted, the best model so far is saved" in done.stdout
    assert np.isfinite(RealNVP.load(tmp_path / "run").score_samples([[0.0, 1.0]])).all()


def test_sampling_many_rows_needs_no_more_memory_than_few(realnvp, table):
    measure = """
import resource, sys
from realnvp.cli import main
sys.argv = ["realnvp", "sample", "run", "-n", sys.argv[1], "--out", sys.argv[2], "--quiet"]
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    realnvp("fit", table, *QUICK, "--out", "run")
    peaks = [
        int(subprocess.run([sys.executable, "-c", measure, n, out], capture_output=True, text=True).stdout)
        for n, out in (("20000", "few.npy"), ("1000000", "many.npy"))
    ]

    assert np.load("many.npy", mmap_mode="r").shape == (1_000_000, 3)
    assert peaks[1] < 1.1 * peaks[0]
