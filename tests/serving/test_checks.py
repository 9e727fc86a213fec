"""Input that is refused in the graph, by the C++ runtime that TF Serving runs, in words for the client."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import UserError

PHASE = np.array([0, 1, 2, 1], np.uint8).repeat(128).reshape(1, 8, 8, 8).transpose(0, 2, 3, 1).copy()
GOOD = {
    "phase": PHASE,
    "c_rate": np.array([1.0], np.float32),
    "frame_stride": np.array([6], np.int32),
    "region": np.array([[0, 2, 0, 2, 0, 2]], np.int32),
}
STATE = {
    "time_s": np.array([100.0], np.float32),
    "concentration": np.full(PHASE.shape, 2e4, np.float32),
    "potential": np.full(PHASE.shape, 4.0, np.float32),
}
PROFILE = {"c_rate_profile": np.array([[0, 1, 1]], np.float32), "times_s": np.array([[0, 9, 20]], np.float32)}
PHASE[:, 0, 0, 0] = 1


def but(index, value):
    changed = PHASE.copy()
    changed[index] = value
    return changed


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "phase",
            but((0, 3, 3, 3), 85),
            "phase: expected labels 0 (electrolyte), 1 (AM) and 2 (CBD), found 85",
        ),
        ("phase", np.where(PHASE == 1, 2, PHASE), "phase: no active material (label 1)"),
        ("phase", np.where(PHASE == 0, 2, PHASE), "phase: no electrolyte (label 0)"),
        ("phase", but((..., 0), 0), "phase: no AM or CBD on the foil (plane z = 0)"),
        ("phase", PHASE[0], "phase: expected a tensor with 4 dimensions, found 3"),
        ("phase", PHASE[None], "phase: expected a tensor with 4 dimensions, found 5"),
        ("phase", np.uint8(1), "phase: expected a tensor with 4 dimensions, found 0"),
        ("phase", PHASE[:, :1], "phase: expected at least 2 voxels each way, found the shape 1 1 8 8"),
        ("phase", PHASE[:, :0], "phase: expected at least 2 voxels each way, found the shape 1 0 8 8"),
        ("phase", np.tile(PHASE, (1, 4, 4, 4)), "phase: expected at most 20000 voxels in a request"),
        ("phase", np.tile(PHASE, (50, 1, 1, 1)), "phase: expected at most 20000 voxels in a request"),
        ("c_rate", [np.nan], "c_rate: expected 1e-06 to 20, found nan"),
        ("c_rate", [np.inf], "c_rate: expected 1e-06 to 20, found inf"),
        ("c_rate", [0.0], "c_rate: expected 1e-06 to 20, found 0"),
        ("c_rate", [-1.0], "c_rate: expected 1e-06 to 20, found -1"),
        ("c_rate", [20.1], "c_rate: expected 1e-06 to 20, found 20.1"),
        ("c_rate", [1e-30], "c_rate: expected 1e-06 to 20, found 1e-30"),
        ("c_rate", [1e-40], "c_rate: expected 1e-06 to 20, found "),  # below float32's normal numbers
        ("c_rate", [1.0, 1.0], "c_rate: expected one for each image of the batch, found 2"),
        ("c_rate", 1.0, "c_rate: expected a tensor with 1 dimensions, found 0"),
        ("frame_stride", [0], "frame_stride: expected 1 or more, found 0"),
        ("frame_stride", [1, 1], "frame_stride: expected one for the batch or one for each"),
        ("region", [[0, 9, 0, 2, 0, 2]], "region: expected 0 <= begin < end <= size along x, y and z"),
        ("region", [[2, 2, 0, 2, 0, 2]], "region: expected 0 <= begin < end <= size along x, y and z"),
        ("region", [[-1, 2, 0, 2, 0, 2]], "region: expected 0 <= begin < end <= size along x, y and z"),
        ("region", [[0, 2, 0, 2]], "region: expected 6 numbers, found 4"),
        ("region", [0, 2, 0, 2, 0, 2], "region: expected a tensor with 2 dimensions, found 1"),
        ("time_s", [-1.0], "time_s: expected 0 <= time_s <= 3600 / c_rate, found -1"),
        ("time_s", [np.nan], "time_s: expected 0 <= time_s <= 3600 / c_rate, found nan"),
        ("concentration", STATE["concentration"] * np.nan, "concentration: expected finite numbers"),
        (
            "potential",
            STATE["potential"][..., :4],
            "potential: expected the shape of phase, 1 8 8 8 found 1 8 8 4",
        ),
        ("times_s", [[0, 9, 9]], "times_s: expected 0 at first, then strictly rising times of at most"),
        ("times_s", [[1, 9, 10]], "times_s: expected 0 at first, then strictly rising times of at most"),
        ("times_s", [[0, np.nan, 10]], "times_s: expected 0 at first, then strictly rising times of at most"),
        (
            "times_s",
            [[0, 9, 1e12]],
            "times_s: expected 0 at first, then strictly rising times of at most 1e+10",
        ),
        ("c_rate_profile", [[0, 1e-30, 1e-30]], "c_rate_profile: expected -20 to 20, not 0 throughout"),
        ("times_s", [[0]], "c_rate_profile: expected the shape of times_s, 1 1 found 1 3"),
        ("c_rate_profile", [[0, np.nan, 1]], "c_rate_profile: expected -20 to 20, not 0 throughout"),
        ("c_rate_profile", [[1, 0, 0]], "c_rate_profile: expected -20 to 20, not 0 throughout"),
        ("c_rate_profile", [[0, -20, -20]], "a charge that keeps the degree of lithiation in 0..1, found -"),
    ],
)
def test_wrong_input_is_named_and_the_server_goes_on(server, name, value, message):
    from tfmsnet.serving import Client

    signature, inputs = "fields", GOOD
    if name in STATE:
        signature, inputs = "step", {k: GOOD[k] for k in ("phase", "c_rate")} | STATE
    if name in PROFILE:
        inputs = {k: v for k, v in GOOD.items() if k != "c_rate"} | PROFILE
        signature = "profile"
        inputs["times_s"] = inputs["times_s"] * (100 if "charge" in message else 1)
    wrong = np.asarray(value, inputs[name].dtype)
    with Client(server.grpc_url, attempts=1) as client:
        with pytest.raises(UserError) as refused:
            client.call(signature, {**inputs, name: wrong})
        assert message in str(refused.value)
        assert "\n" not in str(refused.value)
        assert "{{" not in str(refused.value)
        assert client.call("serving_default", {"phase": PHASE, "c_rate": GOOD["c_rate"]})["dol"].shape == (
            1,
            25,
        )


def test_the_loaded_function_refuses_alike(loaded):
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected labels 0"):
        loaded.signatures["serving_default"](
            phase=tf.constant(but((0, 3, 3, 3), 85)), c_rate=tf.constant([1.0], tf.float32)
        )
