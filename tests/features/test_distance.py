"""The TensorFlow distance transform against SciPy's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from tfmsnet.features.distance import distance_inside


@settings(deadline=None, max_examples=30)
@given(mask=hnp.arrays(np.bool_, st.tuples(*[st.integers(2, 10)] * 3)), reach=st.integers(1, 12))
def test_the_distance_is_the_exact_euclidean_one(mask, reach):
    found = distance_inside(mask[None], reach).numpy()[0]
    if mask.all():
        expected = np.full(mask.shape, reach, np.float64)
    else:
        expected = np.minimum(ndimage.distance_transform_edt(mask), reach)
    np.testing.assert_allclose(found, expected, rtol=3e-7)
