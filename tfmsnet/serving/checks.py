"""What a request must be, checked in the graph: whoever serves the model refuses the same in the same words.

Each check names the input, what was expected and what came, and ends the request with INVALID_ARGUMENT.
They depend on each other: rank, then size, then content, so that nothing is computed on what is too large.
"""

import tensorflow as tf

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.references.uniform import Uniform
from tfmsnet.serving.quantities import LARGEST_C_RATE, LONGEST_S, MAX_FRAMES, SMALLEST_C_RATE


def require(condition, *message):
    """An assertion; the message's parts may be tensors."""
    return tf.debugging.Assert(condition, list(message), summarize=6)


def after(checks, *tensors):
    """The tensors, once the checks have passed."""
    with tf.control_dependencies(checks):
        return tuple(tf.identity(tensor) for tensor in tensors)


def of_rank(tensor, axes: int, name: str):
    """`tensor` when it has so many axes.

    TF Serving hands tensors of any rank to the graph; the shape that the placeholder declares is a promise
    that TensorFlow would believe, so the check has to look at the tensor with that promise taken away.
    """
    undeclared = tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=tf.TensorShape(None))
    found = tf.size(tf.shape(undeclared))
    check = require(tf.equal(found, axes), f"{name}: expected a tensor with {axes} dimensions, found", found)
    return tf.ensure_shape(after([check], undeclared)[0], [None] * axes)


def checked_phase(phase, smallest: int, max_voxels: int | None):
    """The phase images (batch, x, y, z) when they can be discharged.

    Args:
        phase: (batch, x, y, z) uint8.
        smallest: fewest voxels along an edge.
        max_voxels: most voxels of a request, batch included; None for no limit.
    """
    phase = of_rank(phase, 4, "phase")
    shape = tf.shape(phase, out_type=tf.int64)
    sizes = [
        require(shape[0] > 0, "phase: expected at least one image, found the shape", shape),
        require(
            tf.reduce_min(shape[1:]) >= smallest,
            f"phase: expected at least {smallest} voxels each way, found the shape",
            shape,
        ),
    ]
    if max_voxels is not None:
        sizes.append(
            require(
                tf.reduce_prod(shape) <= max_voxels,
                f"phase: expected at most {max_voxels} voxels in a request, found the shape",
                shape,
            )
        )
    (phase,) = after(sizes, phase)
    largest = tf.reduce_max(phase)
    labels = require(
        largest <= CBD, "phase: expected labels 0 (electrolyte), 1 (AM) and 2 (CBD), found", largest
    )

    def everywhere(mask, missing):
        return require(tf.reduce_all(tf.reduce_any(mask, axis=(1, 2, 3))), f"phase: {missing}")

    content = [
        labels,
        everywhere(phase == AM, "no active material (label 1) in an image"),
        everywhere(phase == ELECTROLYTE, "no electrolyte (label 0) in an image"),
        everywhere(phase[..., :1] != ELECTROLYTE, "no AM or CBD on the foil (plane z = 0) of an image"),
    ]
    return after(content, phase)[0]


def checked_c_rate(c_rate, phase):
    """The C-rates (batch,) when there is a usable one for each image."""
    c_rate = of_rank(c_rate, 1, "c_rate")
    (c_rate,) = after([_one_each(c_rate, phase, "c_rate")], c_rate)
    usable = (c_rate >= SMALLEST_C_RATE) & (c_rate <= LARGEST_C_RATE)  # false for NaN
    message = f"c_rate: expected {SMALLEST_C_RATE:g} to {LARGEST_C_RATE:g}, found"
    return after([require(tf.reduce_all(usable), message, c_rate)], c_rate)[0]


def _one_each(tensor, phase, name: str):
    found, images = tf.shape(tensor)[0], tf.shape(phase)[0]
    return require(tf.equal(found, images), f"{name}: expected one for each image of the batch, found", found)


def one_for_all(tensor, axes: int, phase, name: str):
    """The one row of an input that has the batch's axis (or 1) but must be the same for all of it."""
    tensor = of_rank(tensor, axes, name)
    count = tf.shape(tensor)[0]
    counts = require(
        tf.equal(count, 1) | tf.equal(count, tf.shape(phase)[0]),
        f"{name}: expected one for the batch or one for each of its images, found",
        count,
    )
    (tensor,) = after([counts], tensor)
    same = require(
        tf.reduce_all(tf.equal(tensor, tensor[:1])),
        f"{name}: expected the same for the whole batch, found",
        tensor,
    )
    return after([same], tensor)[0][0]


def checked_stride(frame_stride, phase):
    """The stride, a scalar."""
    stride = one_for_all(frame_stride, 1, phase, "frame_stride")
    return after([require(stride >= 1, "frame_stride: expected 1 or more, found", stride)], stride)[0]


def checked_region(region, phase):
    """(begin (3,), size (3,)) in voxels of the box that is asked for; six zeros ask for everything."""
    numbers = tf.shape(of_rank(region, 2, "region"))[1]
    (region,) = after([require(tf.equal(numbers, 6), "region: expected 6 numbers, found", numbers)], region)
    box = one_for_all(region, 2, phase, "region")
    shape = tf.shape(phase)[1:]
    begin, end = box[0::2], box[1::2]
    end = tf.where(tf.reduce_all(tf.equal(box, 0)), shape, end)
    inside = tf.reduce_all((begin >= 0) & (begin < end) & (end <= shape))
    message = "region: expected 0 <= begin < end <= size along x, y and z, found"
    return after([require(inside, message, box, "in an image of", shape)], begin, end - begin)


def checked_profile(c_rate_profile, times_s, phase, constant: bool):
    """A load (batch, frame) each that changes with time; `constant` where the model answers no such."""
    c_rate_profile = of_rank(c_rate_profile, 2, "c_rate_profile")
    times_s = of_rank(times_s, 2, "times_s")
    shape = tf.shape(times_s)
    shapes = [
        _one_each(times_s, phase, "times_s"),
        require(
            tf.reduce_all(tf.equal(shape, tf.shape(c_rate_profile))),
            "c_rate_profile: expected the shape of times_s,",
            shape,
            "found",
            tf.shape(c_rate_profile),
        ),
        require(
            (shape[1] >= 2) & (shape[1] <= MAX_FRAMES),
            f"times_s: expected 2 to {MAX_FRAMES} frames, found",
            shape[1],
        ),
    ]
    profile, times = after(shapes, c_rate_profile, times_s)
    profile = tf.where(tf.abs(profile) < SMALLEST_C_RATE, 0.0, profile)
    driven = profile[:, 1:]
    usable = tf.abs(driven) <= LARGEST_C_RATE  # false for NaN
    rising = (times[:, 1:] > times[:, :-1]) & (times[:, 1:] <= LONGEST_S)
    content = [
        require(
            tf.reduce_all(usable) & tf.reduce_all(tf.reduce_any(driven != 0, axis=1)),
            f"c_rate_profile: expected -{LARGEST_C_RATE:g} to {LARGEST_C_RATE:g}, not 0 throughout",
        ),
        *(
            [
                require(
                    tf.reduce_all(tf.equal(driven, driven[:, :1])),
                    "c_rate_profile: expected one C-rate in all intervals, as the network has a time basis",
                )
            ]
            if constant
            else []
        ),
        require(
            tf.reduce_all(tf.equal(times[:, 0], 0)) & tf.reduce_all(rising),
            f"times_s: expected 0 at first, then strictly rising times of at most {LONGEST_S:g} s",
        ),
    ]
    profile, times = after(content, profile, times)
    return tf.concat([tf.zeros_like(profile[:, :1]), profile[:, 1:]], axis=1), times


def within_capacity(c_rate_profile, times_s, parameters):
    """The load when the charge that it passes keeps the mean degree of lithiation in 0..1.

    Args:
        c_rate_profile, times_s: of `checked_profile`.
        parameters: of the cell, as `Uniform` takes them.
    """
    mean_dol = Uniform(parameters).conditions(None, None, c_rate_profile, times_s).mean_dol
    low, high = tf.reduce_min(mean_dol), tf.reduce_max(mean_dol)
    message = "c_rate_profile: expected a charge that keeps the degree of lithiation in 0..1, found"
    return after([require((low >= 0) & (high <= 1), message, low, "to", high)], c_rate_profile, times_s)


def checked_time(time_s, c_rate):
    """The time (batch,) of a state under a constant C-rate."""
    time_s = of_rank(time_s, 1, "time_s")
    (time_s,) = after([_one_each(time_s, c_rate, "time_s")], time_s)
    usable = (time_s >= 0) & (time_s * c_rate <= 3600.0)  # false for NaN
    message = "time_s: expected 0 <= time_s <= 3600 / c_rate, found"
    return after([require(tf.reduce_all(usable), message, time_s)], time_s)[0]


def checked_field(values, phase, name: str):
    """A field (batch, x, y, z) of finite numbers, as large as the image."""
    values = of_rank(values, 4, name)
    same = tf.reduce_all(tf.equal(tf.shape(values), tf.shape(phase)))
    message = f"{name}: expected the shape of phase,"
    (values,) = after([require(same, message, tf.shape(phase), "found", tf.shape(values))], values)
    finite = require(tf.reduce_all(tf.math.is_finite(values)), f"{name}: expected finite numbers")
    return after([finite], values)[0]
