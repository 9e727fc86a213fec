"""A SavedModel through TensorFlow's C API alone: the process has NumPy and ctypes, and no Python TensorFlow.

    python c_api.py SAVED_MODEL LIBRARY_DIR REQUEST.json OUT.npz

REQUEST.json: inputs: [[tensor name, TF_DataType, .npy file]], outputs: {name: tensor name}.
"""

import ctypes
import json
import sys
from pathlib import Path

import numpy as np

FLOAT = 1


class Output(ctypes.Structure):
    """TF_Output."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


class Runtime:
    """The few functions of tensorflow/c/c_api.h that TF Serving's loader comes down to."""

    def __init__(self, directory):
        directory = Path(directory)
        ctypes.CDLL(str(directory / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
        self.library = ctypes.CDLL(str(directory / "libtensorflow_cc.so.2"), ctypes.RTLD_GLOBAL)
        pointers = (
            *("TF_NewGraph", "TF_NewStatus", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel"),
            *("TF_GraphOperationByName", "TF_AllocateTensor", "TF_TensorData"),
        )
        for name in pointers:
            getattr(self.library, name).restype = ctypes.c_void_p
        self.library.TF_Message.restype = ctypes.c_char_p
        self.library.TF_Dim.restype = ctypes.c_int64
        self.library.TF_TensorByteSize.restype = ctypes.c_size_t
        self.status = ctypes.c_void_p(self.library.TF_NewStatus())

    def check(self):
        if self.library.TF_GetCode(self.status):
            raise SystemExit(self.library.TF_Message(self.status).decode())

    def load(self, path):
        self.graph = ctypes.c_void_p(self.library.TF_NewGraph())
        options = ctypes.c_void_p(self.library.TF_NewSessionOptions())
        tags = (ctypes.c_char_p * 1)(b"serve")
        self.session = ctypes.c_void_p(
            self.library.TF_LoadSessionFromSavedModel(
                options, None, str(path).encode(), tags, 1, self.graph, None, self.status
            )
        )
        self.check()

    def output(self, tensor):
        name, _, index = tensor.partition(":")
        operation = self.library.TF_GraphOperationByName(self.graph, name.encode())
        if not operation:
            raise SystemExit(f"no operation {name}")
        return Output(operation, int(index))

    def tensor(self, dtype, array):
        array = np.ascontiguousarray(array)
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        tensor = self.library.TF_AllocateTensor(dtype, dims, array.ndim, ctypes.c_size_t(array.nbytes))
        ctypes.memmove(self.library.TF_TensorData(ctypes.c_void_p(tensor)), array.ctypes.data, array.nbytes)
        return tensor

    def array(self, tensor):
        tensor = ctypes.c_void_p(tensor)
        assert self.library.TF_TensorType(tensor) == FLOAT
        shape = [self.library.TF_Dim(tensor, i) for i in range(self.library.TF_NumDims(tensor))]
        content = ctypes.string_at(self.library.TF_TensorData(tensor), self.library.TF_TensorByteSize(tensor))
        return np.frombuffer(content, np.float32).reshape(shape)

    def run(self, inputs, outputs):
        feeds = (Output * len(inputs))(*(self.output(name) for name, _, _ in inputs))
        values = (ctypes.c_void_p * len(inputs))(*(self.tensor(dtype, array) for _, dtype, array in inputs))
        fetches = (Output * len(outputs))(*(self.output(name) for name in outputs))
        answers = (ctypes.c_void_p * len(outputs))()
        self.library.TF_SessionRun(
            *(self.session, None, feeds, values, len(inputs)),
            *(fetches, answers, len(outputs), None, 0, None, self.status),
        )
        self.check()
        return [self.array(answer) for answer in answers]


def main():
    model, library, request, out = sys.argv[1:]
    request = json.loads(Path(request).read_text())
    runtime = Runtime(library)
    runtime.load(model)
    inputs = [(name, dtype, np.load(file)) for name, dtype, file in request["inputs"]]
    answers = runtime.run(inputs, list(request["outputs"].values()))
    assert not {"tensorflow", "keras", "tfmsnet"} & set(sys.modules)
    np.savez(out, **dict(zip(request["outputs"], answers, strict=True)))


if __name__ == "__main__":
    main()
