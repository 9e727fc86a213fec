"""The configurations of networks, and what they say of sizes; no TensorFlow."""


def filters_at(filters: int, growth: float, scale: int) -> int:
    """Channels of the hidden layers at a scale, 0 the finest."""
    return max(1, round(filters * growth**scale))
