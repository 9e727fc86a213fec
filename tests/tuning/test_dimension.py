"""What a user writes after --space."""

import pytest

from tfmsnet.errors import UserError
from tfmsnet.tuning.dimension import horizon_of, parse


def test_lists_ranges_and_single_values():
    assert parse("filters=8, 16,8").values == (8, 16)
    assert parse("network.growth=1,2.5").values == (1.0, 2.5)
    assert parse("scales=2..4").values == (2, 3, 4)
    assert parse("mode=direct,basis").values == ("direct", "basis")
    assert parse("activation=celu,gelu").values == ("celu", "gelu")
    assert parse("loss=relative,relative-root").values == ("relative", "relative-root")
    assert parse("shortcut=true,false").values == (True, False)
    rate = parse("learning_rate=1e-4..1e-2")
    assert rate.is_range
    assert rate.logarithmic
    assert rate.at(0.5) == pytest.approx(1e-3)
    assert not parse("noise=0..0.1").logarithmic
    assert parse("learning_rate=1e-3..1e-3").values == (1e-3,)


@pytest.mark.parametrize("text", ["filters=8,16", "learning_rate=0.0001..0.003", "curriculum=1,1-4-12"])
def test_a_dimension_reads_back_what_it_writes(text):
    assert str(parse(str(parse(text)))) == text


def test_a_curriculum_ends_with_the_run():
    assert horizon_of("1-4-12") == ((0.333333, 1), (0.666667, 4), (1.0, 12))
    assert horizon_of("all") == ((1.0, 0),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filters", "expected values"),
        ("filters=", "expected values"),
        ("filters=,", "expected values"),
        ("filter=8", "KEY of"),
        ("horizon=1", "use curriculum"),
        ("filters=many", "expected a number, found 'many'"),
        ("symmetries=1", "true or false"),
        ("curriculum=1-none", "frames of its stages"),
        ("curriculum=0", "frames of its stages"),
        ("mode=slow", "autoregressive, classic"),
        ("learning_rate=1e-2..1e-4", "LOW first"),
        ("learning_rate=low..high", "LOW..HIGH"),
        ("growth=1..4", "list the values"),
        ("filters=1..1000", "list the values"),
    ],
)
def test_a_mistake_is_told(text, message):
    with pytest.raises(UserError, match=r"--space|curriculum") as error:
        parse(text)
    assert message in str(error.value)
