"""The SavedModel where tfmsnet and Keras aren't: in Python TensorFlow, in its C library, in TF Serving."""

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfmsnet.electrode import PhaseImage

C_API = Path(__file__).with_name("c_api.py")
# Neither package is there for a process that starts with this; TensorFlow itself would look for Keras.
ALONE = """
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in ("tfmsnet", "keras"):
            return self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import numpy as np, tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
phase, c_rate = tf.constant(np.load(sys.argv[2])), tf.constant([1.5])
answer = loaded.signatures["fields"](
    phase=phase, c_rate=c_rate, frame_stride=tf.constant([1]), region=tf.constant([[0] * 6]))
np.savez(sys.argv[3], **{name: value.numpy() for name, value in answer.items()})
assert not {"tfmsnet", "keras"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def image(samples):
    """An odd size cut from a real electrode."""
    return PhaseImage(samples[0].phase[:11, :9, :13])


@pytest.fixture(scope="module")
def expected(local, image):
    answer = local.fields(image, 1.5)
    return {name: getattr(answer, name) for name in ("concentration", "potential", "dol", "voltage_v")}


def compare(path, expected):
    found = np.load(path)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name][0], value, rtol=1e-6)


def test_python_tensorflow_without_tfmsnet_and_keras(served, image, expected, tmp_path):
    np.save(tmp_path / "phase.npy", image.phase[None])
    command = [
        sys.executable,
        "-c",
        ALONE,
        *map(str, (served / "1", tmp_path / "phase.npy", tmp_path / "out.npz")),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-1000:]
    compare(tmp_path / "out.npz", expected)


def test_the_c_library_alone(served, image, expected, tmp_path):
    content = (served / "1" / "saved_model.pb").read_bytes()
    signature = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].signature_def["fields"]
    np.save(tmp_path / "phase.npy", image.phase[None])
    np.save(tmp_path / "c_rate.npy", np.array([1.5], np.float32))
    request = {
        # frame_stride and region aren't fed: the graph has their defaults.
        "inputs": [
            [signature.inputs[name].name, signature.inputs[name].dtype, str(tmp_path / f"{name}.npy")]
            for name in ("phase", "c_rate")
        ],
        "outputs": {name: signature.outputs[name].name for name in expected},
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    library = tf.sysconfig.get_lib()
    files = (C_API, served / "1", library, tmp_path / "request.json", tmp_path / "out.npz")
    result = subprocess.run([sys.executable, *map(str, files)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, (result.stdout + result.stderr)[-1000:]
    compare(tmp_path / "out.npz", expected)


@pytest.mark.serving
@pytest.mark.skipif(shutil.which("tensorflow_model_server") is None, reason="no tensorflow_model_server")
@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_tf_serving_itself(served, image, expected, scheme, tmp_path):
    from tfmsnet.errors import RunFailed
    from tfmsnet.serving import Client

    ports = {}
    for name in ("grpc", "http"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports[name] = free.getsockname()[1]
    command = [
        *("tensorflow_model_server", f"--port={ports['grpc']}", f"--rest_api_port={ports['http']}"),
        *("--model_name=cathode", f"--model_base_path={served}"),
    ]
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            with Client(f"{scheme}://127.0.0.1:{ports[scheme]}/cathode", timeout_s=60) as client:
                try:
                    answer = client.fields(image, 1.5)
                    break
                except RunFailed:
                    if time.monotonic() > deadline:
                        raise
        for name, value in expected.items():
            np.testing.assert_allclose(getattr(answer, name), value, rtol=1e-6)
    finally:
        process.terminate()
        process.wait()
