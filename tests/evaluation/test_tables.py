"""Scores gathered per C-rate."""

from dataclasses import replace

import numpy as np
import pytest

from tfmsnet.evaluation import Fields, ZeroDimensional, score
from tfmsnet.evaluation.tables import DETAILS, HEADLINE, TERMINAL, Column, Tables, number

VRMSE = Column("concentration_vrmse_last", "")


@pytest.fixture(scope="module")
def tables(make_sample, truth, noisy):
    """A fair model, one good in one field, the 0-D cell; two C-rates, three electrodes."""
    predictors = {
        "model": noisy(100.0, 1e-3),
        "half": lambda sample: Fields(noisy(10.0, 0.0)(sample).concentration, None),
        "0-D": ZeroDimensional(),
    }
    samples = [make_sample(c_rate=rate, seed=seed, frames=6) for seed in range(3) for rate in (2.0, 1.0)]
    return Tables(tuple(score(n, s, p(s)) for s in samples for n, p in predictors.items()), tuple(predictors))


def test_every_column_is_a_score(tables):
    summary = tables.cases[0].summary()
    assert all(
        column.key in summary for column in (*HEADLINE, *DETAILS["concentration"], *DETAILS["potential"])
    )


def test_a_cell_is_median_and_worst_of_its_c_rate(tables):
    values = [c.concentration.vrmse[-1] for c in tables.cases if c.model == "model" and c.load == "1C"]
    assert tables.loads == ["1C", "2C"]
    assert tables.samples("1C") == len(values) == 3
    assert tables.cell("1C", "model", VRMSE) == pytest.approx((np.median(values), max(values), 3))
    one = Tables([case for case in tables.cases if case.geometry_id == "geometry0"], tables.names)
    assert "1C, 1 held-out sample " in one.text()
    assert "(worst)" not in one.text()


def test_best_is_the_lowest_median_and_ties_are_shared(tables):
    assert tables.best("1C", VRMSE) == {"half"}
    twice = [replace(case, model="again") for case in tables.cases if case.model == "half"]
    both = Tables((*tables.cases, *twice), (*tables.names, "again"))
    assert both.best("1C", VRMSE) == {"half", "again"}


def test_losses_name_who_beats_the_model_where(tables):
    losses = {(loss.load, loss.column.key): loss for loss in tables.losses() if loss.other == "half"}
    loss = losses["2C", "concentration_vrmse_last"]
    assert loss.other_median < loss.model_median
    assert not any("potential" in key for _, key in losses)  # what it doesn't have can't win
    reverse = Tables(tables.cases, ("half", "model"))
    assert not [loss for loss in reverse.losses() if loss.column.key.startswith("concentration_vrmse")]


def test_differences_below_rounding_are_no_loss(tables):
    balance = next(column for column in HEADLINE if column.key == "lithium_balance")
    tiny = [replace(c, model="tiny", lithium_balance=1e-7) for c in tables.cases if c.model == "model"]
    none = [replace(c, model="none", lithium_balance=0.0) for c in tables.cases if c.model == "model"]
    assert Tables((*tiny, *none), ("tiny", "none")).better("1C", balance) == {}


def test_differences_in_the_fifth_digit_are_no_loss(tables):
    fields = [c.concentration for c in tables.cases if c.model == "model"]
    cases = [
        replace(case, model=name, concentration=replace(field, vrmse=factor * field.vrmse))
        for name, factor in (("a", 1.000001), ("b", 1.0))
        for case, field in zip([c for c in tables.cases if c.model == "model"], fields, strict=True)
    ]
    assert Tables(tuple(cases), ("a", "b")).losses() == []


def test_a_diverged_model_is_never_best(tables):
    scores = tables.cases[0].concentration
    lost = replace(scores, vrmse=np.full_like(scores.vrmse, np.inf))
    diverged = [replace(c, model="lost", concentration=lost) for c in tables.cases if c.model == "model"]
    both = Tables((*diverged, *tables.cases), ("lost", *tables.names))
    assert "lost" not in both.best("1C", VRMSE)
    assert "inf" in both.text()


def test_the_terminal_s_table_has_every_predictor_at_every_c_rate(tables):
    text = tables.text()
    assert [line.split(",")[0] for line in text.splitlines() if "held-out" in line] == ["1C", "2C"]
    for name in tables.names:
        assert sum(line.startswith(name + " ") for line in text.splitlines()) == 2
    assert all(column.title in text for column in TERMINAL)
    assert "*" in text.splitlines()[2]


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (123.4, "123"), (0.0, "0.00"), (2e-5, "2e-05"), (np.inf, "inf")]
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_numbers_below_rounding_say_so():
    assert number(1e-6, rounding=1e-3) == "<0.001"
