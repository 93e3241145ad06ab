"""What the report notices about rows, how it judges a run, and what a run keeps for it."""

import numpy as np
import pytest

from realnvp.errors import InputError
from realnvp.report.kept import ROWS, Kept, few, read_kept, write_kept
from realnvp.report.page import notices, number, of_density, of_energy, of_pictures
from realnvp.report.page.base import figure_list, packed, paragraphs
from realnvp.report.pages.base import made
from realnvp.words import in_words

RNG = np.random.default_rng(0)
FIGURES = {
    "held_out_nll": 1.0,
    "held_out_nll_error": 0.01,
    "gaussian_nll": 2.0,
    "mixture_nll": 1.5,
    "mixture_parts": 8,
    "round_trip_error": 1e-12,
}
FOUND = {
    "ess_": 0.9,
    "pareto_k_": 0.2,
    "coverage_": 0.9,
    "log_normalizer_": 1.0,
    "log_normalizer_error_": 0.1,
    "evaluations_": 100,
}


def density(history=(), stopped="max_steps", **figures):
    config = {"figures": FIGURES | figures, "data": {"held_out_rows": 100}, "stopped_by": stopped}
    return of_density(config | {"params": {"kernel": "affine"}}, history, None)


@pytest.mark.parametrize(
    ("figures", "grade", "words"),
    [
        ({"gap": 0.01, "gap_error": 0.001, "entropy": 0.99}, "good", "Practically the truth: 0.010 nats"),
        ({"gap": 0.7, "gap_error": 0.1, "entropy": 0.3}, "poor", "Still 0.70 nats"),
        ({}, "good", "Better than a Gaussian and a mixture of normals, by 0.50 nats"),
        ({"gaussian_nll": 0.5}, "poor", "Worse than a plain Gaussian, by 0.50 nats"),
        ({"mixture_nll": 0.8}, "fair", "but not than a mixture"),
        ({"gaussian_nll": 1.01, "mixture_nll": 1.0}, "fair", "No better than a Gaussian"),
        ({"mixture_nll": None}, "good", "Better than a Gaussian, by 1.00 nats"),
        ({"mixture_nll": 1.01}, "fair", "Better than a Gaussian by 1.00 nats per row, level with a mixture of normals"),
        (
            {"gaussian_nll": 1.01},
            "fair",
            "Better than a mixture of normals by 0.50 nats per row, level with a Gaussian",
        ),
        ({"gaussian_nll": 1.01, "mixture_nll": 0.8}, "fair", "Level with a Gaussian, and worse than a mixture"),
        ({"gaussian_nll": 0.9, "mixture_nll": 2.4}, "poor", "Worse than a plain Gaussian, by 0.10 nats"),
        ({"mixture_nll": 1.01, "mixture_error": 0.001}, "good", "and a mixture of normals, by 0.010 nats per row"),
    ],
)
def test_a_density_is_judged_by_the_truth_or_else_by_plainer_ones(figures, grade, words):
    found = density(**figures)

    assert found.grade == grade
    assert words in found.headline


@pytest.mark.parametrize("gauss", [-2.0, -0.1, -0.001, 0.0, 0.001, 0.1, 2.0])
@pytest.mark.parametrize("mixture", [None, -2.0, -0.1, -0.001, 0.0, 0.001, 0.1, 2.0])
@pytest.mark.parametrize("error", [1e-4, 0.02, 0.3])
def test_the_headline_says_what_the_figures_say(gauss, mixture, error):
    errors = {"gaussian_error": error, "mixture_error": error}
    others = {"gaussian_nll": 1.0 + gauss, "mixture_nll": None if mixture is None else 1.0 + mixture}
    found = density(**others, **errors)
    stands = {what: unit.split()[1].rstrip(",;") for what, _, unit in found.figures if what.startswith("Against")}
    within = [unit for what, _, unit in found.figures if "within error" in unit]
    beaten = [by for by in (gauss, mixture) if by is not None and by > 2 * error]

    assert (found.grade == "good") == (len(beaten) == 2 - (mixture is None))
    assert (found.grade == "poor") == (gauss < -2 * error)
    assert ("level" in found.headline.lower() or "No better" in found.headline) == bool(
        within and found.grade != "poor" and not (beaten and mixture is not None and mixture < -2 * error)
    )
    assert "−" not in found.headline
    assert set(stands.values()) <= {"better", "worse"}
    assert any("A mixture of normals is still better" in a for a in found.advice) == bool(
        mixture is not None and mixture < -2 * error
    )


def test_a_training_cut_short_before_it_was_good_wants_more_of_it_and_no_smaller_nets():
    course = [{"step": i, "train": 0.1, "held_out": 1.0, "best": 1.0} for i in range(10)]
    told = " ".join(density(course, "max_time", gaussian_nll=0.5).advice)

    assert "`--max-time`" in told
    assert "--width" not in told


def test_of_one_row_nothing_is_said_but_its_figure():
    """Its error is no number, and in a file none."""
    config = {"figures": FIGURES | {"held_out_nll_error": None}, "data": {"held_out_rows": 1}, "params": {}}
    found = of_density(config, (), None)

    assert found.headline == "Only 1 row held out: too few to tell how good it is"
    assert found.figures[0][1:] == (f"{FIGURES['held_out_nll']:.4f}", "nats per row, 1 row; lower is better")


def test_a_training_that_was_still_getting_better_is_told():
    falling = [{"step": i, "train": 10 - i, "held_out": 10.0 - i, "best": 10.0 - i} for i in range(10)]
    flat = [record | {"held_out": 1.0, "train": 1.0, "best": 1.0} for record in falling]

    assert any("still getting better" in line for line in density(falling).advice)
    assert not any("still getting better" in line for line in density(flat).advice)
    assert not any("still getting better" in line for line in density(falling, "early_stopping").advice)


def test_rows_learnt_by_heart_are_told():
    course = [{"step": i, "train": 0.1, "held_out": 1.0, "best": 1.0} for i in range(10)]

    assert any("0.90 nats better than held-out" in line for line in density(course).advice)


@pytest.mark.parametrize(
    ("ess", "k", "grade"), [(0.9, 0.2, "good"), (0.9, 0.9, "poor"), (0.4, 0.2, "fair"), (0.01, 0.2, "poor")]
)
def test_an_energy_is_judged_by_its_weights(ess, k, grade):
    found = of_energy({"found": FOUND | {"ess_": ess, "pareto_k_": k}, "data": {"log_normalizer": 1.2}}, [])

    assert found.grade == grade
    assert any("0.2000 off, 2.0 errors" in unit for _, _, unit in found.figures)


def test_nearly_all_draws_are_not_all():
    assert "99 % of its draws" in of_energy({"found": FOUND | {"ess_": 0.9988}, "data": {}}, []).headline


def test_an_energy_in_training_is_not_judged_yet():
    found = of_energy({"found": FOUND, "stopped_by": ""}, [{"step": 1}])

    assert (found.headline, found.grade) == ("In training", "fair")
    assert found.figures


def test_flows_alike_are_counted_not_repeated():
    one = {"kernel": "spline", "layers": 4, "width": 64, "base": "normal"}
    none = {"kernel": "none", "components": 1, "context": 0}

    assert in_words({"members": [one, one, none, one]}) == (
        "4 densities mixed: 3 flows of 4 spline couplings of width 64, normal base; a normal"
    )


def test_weights_without_a_tail_are_trusted():
    assert of_energy({"found": FOUND | {"pareto_k_": None}}, []).grade == "good"


def test_pictures_are_judged_beside_independent_pixels():
    figures = {"bits_per_dim": 1.5, "bits_per_dim_error": 0.1, "pixelwise_bits": 2.0, "uniform_bits": 4.0}
    figures |= {"draws": 4, "returned": 5, "sent": 5}
    found = of_pictures({"figures": figures, "data": {"held_out": 10}}, [])

    assert found.grade == "good"
    assert "1.50 bits per dimension: 25 % fewer than independent pixels" in found.headline


def test_hard_columns_are_noticed():
    n = 400
    whole = RNG.integers(3, size=n).astype(float)
    spiked = np.where(RNG.random(n) < 0.3, 0.0, RNG.normal(size=n))
    heavy = RNG.standard_cauchy(n)
    plain = RNG.normal(size=n)
    X = np.column_stack([whole, spiked, heavy, plain, 2 * plain + 1e-3 * RNG.normal(size=n)])
    told = " ".join(notices(X, ["whole", "spiked", "heavy", "plain", "copy"]))

    assert "whole takes only 3 values" in told
    assert "of spiked are exactly 0" in told
    assert "heavy has a heavy tail" in told
    assert "plain and copy are nearly copies" in told


def test_easy_columns_are_passed_over():
    assert notices(RNG.normal(size=(500, 3)), ["a", "b", "c"]) == []


def test_repeated_rows_are_noticed():
    X = RNG.normal(size=(100, 2))

    assert "50 % of the rows are repeated" in notices(np.concatenate([X, X]), ["a", "b"])[0]


def test_what_is_kept_is_read_again(tmp_path):
    arrays = {"x": RNG.normal(size=(5, 2)), "labels": np.arange(5)}
    write_kept(tmp_path, Kept(arrays, {"classes": ["a", "b"]}))
    found = read_kept(tmp_path)

    np.testing.assert_array_equal(found.arrays["x"], arrays["x"])
    assert found.arrays["labels"].dtype == np.int64
    assert found.notes == {"classes": ["a", "b"]}


def test_nothing_kept_is_no_error_and_damage_is_one(tmp_path):
    assert dict(read_kept(tmp_path).arrays) == {}
    (tmp_path / ROWS).write_bytes(b"nonsense")

    with pytest.raises(InputError, match="damaged"):
        read_kept(tmp_path)


@pytest.mark.parametrize("position", [-1, -20, -35])
def test_a_flipped_byte_of_what_is_kept_is_detected(tmp_path, position):
    path = write_kept(tmp_path, Kept({"x": RNG.normal(size=(5, 2))}, {}))
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)

    with pytest.raises(InputError, match="damaged"):
        read_kept(tmp_path)


def test_few_of_many_rows_are_kept_in_order():
    assert few(10, 2, 2000).tolist() == list(range(10))
    assert len(few(10_000, 2, 2000)) == 2000
    assert len(few(10_000, 1000, 2000)) == 200
    assert (np.diff(few(10_000, 2, 2000)) > 0).all()


def test_numbers_are_packed_as_they_are():
    import base64

    found = packed(np.arange(6).reshape(2, 3) / 7)

    assert found["shape"] == [2, 3]
    np.testing.assert_allclose(np.frombuffer(base64.b64decode(found["data"]), "<f4"), np.arange(6) / 7, rtol=1e-6)


def test_words_cannot_become_html():
    evil = "<script>alert('1')</script>"

    assert "<script>" not in figure_list([(evil, evil, evil)]) + paragraphs(evil, [evil], "noticed")
    assert "<code>--lr</code>" in paragraphs("a", ["try `--lr` lower"], "advice")


@pytest.mark.parametrize(
    ("value", "told"), [(-1.5, "−1.50"), (float("nan"), "not a number"), (None, "not a number"), (1234.5, "1,234.50")]
)
def test_numbers_are_told(value, told):
    assert number(value, 2) == told


def test_the_same_numbers_are_not_promised_of_what_the_time_ended():
    config = {"command": "realnvp fit rows.csv", "stopped_by": "max_time"}

    assert made(config).lead.endswith("on the same machine, but for where the time ended it.")
    assert made(config | {"stopped_by": "max_steps"}).lead.endswith("gives the same numbers on the same machine.")
