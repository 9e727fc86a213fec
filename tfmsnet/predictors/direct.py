"""Each frame by itself, from image, load and what is known of its time."""

from tfmsnet.predictors.rollout import Rollout


class Direct(Rollout):
    """A `Rollout` whose network never sees the frame before: what the history adds is what it lacks."""

    def step(self, static, operating_point, state):
        return super().step(static, operating_point, None)
