"""The film of a discharge."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from tfmsnet.evaluation import Fields
from tfmsnet.plots.film import write_animation


@pytest.mark.parametrize("fields", [("concentration", "potential"), ("concentration",)])
def test_a_film_has_a_picture_for_each_frame_and_moves(make_sample, noisy, tmp_path, fields):
    sample = make_sample(frames=4)
    predicted = noisy(50.0, 1e-3)(sample)
    predicted = Fields(
        *(getattr(predicted, f) if f in fields else None for f in ("concentration", "potential"))
    )
    path = tmp_path / "film.gif"
    write_animation(sample, predicted, path, "model")
    with Image.open(path) as film:
        assert film.n_frames == 4
        pictures = []
        for number in range(4):
            film.seek(number)
            pictures.append(np.asarray(film.convert("RGB"), int))
    assert all((a != b).any() for a, b in pairwise(pictures))
    assert [p.name for p in tmp_path.iterdir()] == ["film.gif"]
