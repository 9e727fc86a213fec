"""Searches that take seconds."""

import pytest

from tfmsnet.training.config import PRESETS
from tfmsnet.tuning.dimension import parse

TINY = {
    "fields": ["concentration"],
    "channels": ["am", "depth"],
    "scales": 2,
    "convolutions": 1,
    "growth": 1,
    "filters": 2,
    "steps": 3,
    "steps_per_epoch": 1,
    "batch_size": 1,
    "horizon": [[1.0, 1]],
    "symmetries": False,
}


@pytest.fixture(scope="session")
def base():
    """The configuration that searches start from: a direct network, whose graph is small."""
    return PRESETS["default"].in_mode("direct").with_values(TINY, "test")


@pytest.fixture(scope="session")
def make_plan(base):
    """`make_plan(*dimensions, **plan)`."""

    def make(*texts, **values):
        from tfmsnet.tuning.search import Plan

        return Plan(base, tuple(parse(text) for text in texts), **values)

    return make
