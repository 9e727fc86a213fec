"""The paper's load: constant current, 25 frames at equal steps of charge."""

import numpy as np

FRAMES = 25
# s between two frames at 1C: the last frame of 25 stands 2/3 of the way from the first DOL to 1.
FRAME_SECONDS_AT_1C = 100.0


def constant_current(c_rate: float, frames: int = FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """The C-rate profile and the times of a constant-current discharge.

    Returns:
        c_rate_profile (time,) in 1/h, element 0 is 0; times_s (time,).
    """
    profile = np.full(frames, float(c_rate))
    profile[0] = 0.0
    return profile, np.arange(frames) * FRAME_SECONDS_AT_1C / abs(c_rate)
