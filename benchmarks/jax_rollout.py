"""MSNet's rollout and its gradient on Keras' JAX backend: `lax.scan` over `jax.checkpoint`ed steps.

    python benchmarks/jax_rollout.py                       both backends in this environment
    python benchmarks/jax_rollout.py --jax JAX/bin/python  JAX in another one (jax, keras; no TensorFlow)
    KERAS_BACKEND=jax python benchmarks/jax_rollout.py --alone

The first two compare loss, last frame and gradients with TensorFlow's discrete adjoint and fail where they
differ.  The network is the paper's, its inputs are random.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

TOLERANCE = 1e-5
STATIC, FIELDS, OPERATING_POINT = 3, 1, 1


def network():
    """The paper's, with weights that are the same on every backend."""
    from tfmsnet.networks.config import PAPER
    from tfmsnet.networks.msnet import MSNet

    net = MSNet(FIELDS, PAPER, padding="zero", name="msnet")
    space = (None, None, None, None)
    net.build([(*space, STATIC)] * net.scales, [(*space, FIELDS)] * net.scales, (None, OPERATING_POINT))
    rng = np.random.default_rng(0)
    net.set_weights([_random_weight(weight.shape, rng) for weight in net.weights])
    return net


def _random_weight(shape, rng):
    """He's normal distribution for kernels, small biases."""
    scale = (2.0 / np.prod(shape[:-1])) ** 0.5 if len(shape) > 1 else 0.01
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def inputs(size, frames, scales):
    """Features, masks on all scales, operating points (time, batch, 1), states (time, batch, x, y, z, 1)."""
    from keras import ops

    from tfmsnet.networks.msnet import coarsened

    rng = np.random.default_rng(1)
    mask = (rng.random((1, *size, FIELDS)) > 0.4).astype(np.float32)
    features = ops.convert_to_tensor(rng.random((1, *size, STATIC)).astype(np.float32))
    true = rng.random((frames + 1, 1, *size, FIELDS)).astype(np.float32) * mask
    operating_point = np.full((frames, 1, OPERATING_POINT), 1 / 3, np.float32)
    return coarsened(features, scales), coarsened(ops.convert_to_tensor(mask), scales), operating_point, true


def squared_error(outputs, target, masks):
    """Mean over the phase, summed over the scales (the paper's eq. 17)."""
    from keras import ops

    from tfmsnet.networks.msnet import coarsened

    space = (1, 2, 3, 4)
    errors = [
        ops.sum(ops.sum((output - true) ** 2, space) / ops.sum(mask, space))
        for output, true, mask in zip(outputs, coarsened(target, len(outputs)), masks, strict=True)
    ]
    return sum(errors[1:], errors[0])


def jax_function(net, features, masks, operating_point, true):
    """() -> loss, last frame, gradients."""
    import jax

    def loss(weights, features, masks, operating_point, true):
        def step(state, now):
            operating_point_now, target = now
            outputs, _ = net.stateless_call(weights, [], features, masks, operating_point_now, state)
            return outputs[0], squared_error(outputs, target, masks)

        last, losses = jax.lax.scan(jax.checkpoint(step), true[0], (operating_point, true[1:]))
        return losses.mean(), last

    compiled = jax.jit(jax.value_and_grad(loss, has_aux=True))
    weights = [variable.value for variable in net.trainable_variables]
    arrays = jax.device_put((features, masks, operating_point, true))

    def run():
        (value, last), gradients = jax.block_until_ready(compiled(weights, *arrays))
        return value, last, gradients

    return run


def tensorflow_function(net, features, masks, operating_point, true):
    """() -> loss, last frame, gradients."""
    import tensorflow as tf

    from tfmsnet.predictors.trajectory import adjoint_gradient

    operating_point, true = tf.constant(operating_point), tf.constant(true)

    def step(t, state):
        outputs = net(features, masks, operating_point[t], state)
        loss = squared_error(outputs, true[t + 1], masks)
        return outputs[0], loss, loss[None]

    @tf.function
    def compiled():
        found = adjoint_gradient(step, true[0], len(operating_point), net.trainable_variables, records=1)
        return found[0], found[2]

    from tfmsnet.predictors.trajectory import trajectory

    last = trajectory(lambda t, state: step(t, state)[0], true[0], len(operating_point))[:, -1]

    def run():
        value, gradients = compiled()
        return value.numpy(), last, gradients

    return run


def child(size, frames, path):
    """Run on the backend that KERAS_BACKEND names; save what came out."""
    import keras

    backend = keras.backend.backend()
    net = network()
    function = {"jax": jax_function, "tensorflow": tensorflow_function}[backend]
    run = function(net, *inputs(size, frames, net.scales))
    loss, last, gradients = run()
    begin = time.perf_counter()
    run()
    seconds = time.perf_counter() - begin
    if path:
        flat = np.concatenate([np.asarray(gradient).ravel() for gradient in gradients])
        np.savez(path, loss=np.asarray(loss), last=np.asarray(last), gradients=flat)
    print(f"{backend:>10} {net.count_params():>11,} {frames / seconds:>9.2f}", flush=True)


def compared(python, arguments):
    """Both backends, each in its process; exit status 1 where they differ."""
    found = []
    root = str(Path(__file__).parents[1])
    with tempfile.TemporaryDirectory() as folder:
        for backend, executable in (("tensorflow", sys.executable), ("jax", python)):
            path = str(Path(folder) / f"{backend}.npz")
            command = [executable, __file__, "--child", json.dumps([*arguments, path])]
            there = {"KERAS_BACKEND": backend, "PYTHONPATH": root}
            if subprocess.run(command, env={**os.environ, **there}, check=False).returncode:
                raise SystemExit(f"{backend}: failed")
            found.append(np.load(path))
    one, other = found
    errors = {name: float(np.abs(one[name] - other[name]).max() / np.abs(one[name]).max()) for name in one}
    print("largest difference: " + ", ".join(f"{name} {error:.1e}" for name, error in errors.items()))
    raise SystemExit(int(max(errors.values()) > TOLERANCE))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--jax", default=sys.executable, help="a Python that has jax and keras")
    parser.add_argument("--alone", action="store_true", help="time the backend that KERAS_BACKEND names")
    parser.add_argument("--size", type=int, nargs=3, default=[24, 24, 64])
    parser.add_argument("--frames", type=int, default=24, help="after the first")
    arguments = parser.parse_args()
    if arguments.child:
        child(*json.loads(arguments.child))
    else:
        name = "x".join(map(str, arguments.size))
        print(f"rollout and gradient, {name}, {arguments.frames} frames")
        print(f"{'backend':>10} {'parameters':>11} {'frames/s':>9}", flush=True)
        if arguments.alone:
            child(arguments.size, arguments.frames, None)
        else:
            compared(arguments.jax, [arguments.size, arguments.frames])
