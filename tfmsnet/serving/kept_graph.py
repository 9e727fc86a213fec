"""The graph of a function, kept between processes: to write it anew takes longer than most answers.

Kept in the user's cache directory, for one version of this package's code and of TensorFlow.  Whoever can
write there can change what is computed, as with compiled Python.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import platformdirs
import tensorflow as tf
from google.protobuf.message import DecodeError

import tfmsnet
from tfmsnet.files import replacing

# So many graphs stay on the disk; each is of some 1 MB.
_KEPT = 16
# So many in a process: TensorFlow never forgets the functions of one, 10 MB.
_HELD = 16
_SUFFIX = ".graph"
_LOWERED = "_lower_using_switch_merge"
# What a user debugs with isn't for other processes.
_DEBUGGING = ("CheckNumerics", "Debug")
# Equal ones give equal tensors, and nothing else happens; most of what a graph has more than once.
_OF_INPUTS_ALONE = {
    *("Const", "Shape", "Pack", "Range", "Cast", "Reshape", "StridedSlice", "Slice", "Pad", "ConcatV2"),
    *("AddV2", "Sub", "Mul", "RealDiv", "FloorMod", "Maximum", "Minimum", "Sum", "Greater", "SelectV2"),
    *("GatherV2", "ZerosLike"),
}
_IMPORTED_S = time.time()
_held: set[str] = set()


def cache_directory() -> Path:
    """Where graphs are kept: TFMSNET_CACHE, or else the user's cache of the operating system."""
    named = os.environ.get("TFMSNET_CACHE") or platformdirs.user_cache_dir("tfmsnet", appauthor=False)
    return Path(named).expanduser()


def kept_graph(
    function: Callable[..., dict[str, tf.Tensor]], signature: tuple, identity: str
) -> Callable[..., dict[str, tf.Tensor]]:
    """The function as a graph: the kept one, or written now and kept.

    It runs as it was written: to optimise a graph that is asked a few times takes longer than that saves.
    On a CPU its loops aren't taken apart either: it starts sooner and is as fast.  A kept file that is
    missing, damaged or can't be written costs time, no answer.

    Args:
        function: of tensors, to tensors by name; traced without autograph.
        signature: of its arguments, tensor specifications in any structure.
        identity: whatever the graph follows from beside the code of this package and TensorFlow's version.
    """
    digest = _digest(identity)
    if not _may_be_kept(digest):
        return tf.function(function, input_signature=signature, autograph=False)
    path = cache_directory() / f"{digest}{_SUFFIX}"
    graph = _read(path)
    if graph is not None:
        with suppress(ValueError, KeyError, tf.errors.OpError):  # not a graph that this TensorFlow knows
            return _function(graph)
    graph = _written(function, signature, f"kept_{digest[:16]}")
    if not any(node.op.startswith(_DEBUGGING) for node in _nodes(graph.graph_def)):
        _keep(graph, path)
    return _function(graph)


def _may_be_kept(digest: str) -> bool:
    """Whether the code is that which was imported, and the process has room for one more."""
    if max(path.stat().st_mtime for path in _code_files()) > _IMPORTED_S:
        return False
    if len(_held | {digest}) > _HELD:
        return False
    _held.add(digest)
    return True


def _digest(identity: str) -> str:
    loops = "lowered" if _on_a_gpu() else "functional"
    parts = (tf.version.VERSION, tf.version.GIT_VERSION, _code(), loops, identity)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _code_files() -> list[Path]:
    package = Path(tfmsnet.__file__).parent
    return sorted(package.rglob("*.py"))


@cache
def _code() -> str:
    """A digest of all code of the package: more than what the graph follows from, and never too little."""
    digest = hashlib.sha256(f"{tfmsnet.__version__} {np.__version__}".encode())
    for path in _code_files():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _on_a_gpu() -> bool:
    # A loop that isn't taken apart runs on one device, and not all that is in it can run on a GPU.
    return bool(tf.config.list_logical_devices("GPU"))


def _written(function: Callable, signature: tuple, prefix: str) -> tf.compat.v1.MetaGraphDef:
    """The function's graph: a call of a function that stays one, and so is run by options of its own."""
    inner = tf.function(
        function, input_signature=signature, autograph=False, experimental_attributes={"_noinline": True}
    )
    concrete = tf.function(
        lambda *arguments: inner(*arguments), input_signature=signature, autograph=False
    ).get_concrete_function()
    graph = tf.compat.v1.MetaGraphDef()
    graph.graph_def.CopyFrom(concrete.graph.as_graph_def())
    _run_as_written(graph.graph_def)
    _compact(graph.graph_def.library, functional_loops=not _on_a_gpu())
    _rename(graph.graph_def, prefix)
    answer = graph.signature_def["answer"]
    for number, tensor in enumerate(concrete.inputs):
        _describe(tensor, answer.inputs[str(number)])
    for name, tensor in concrete.structured_outputs.items():
        _describe(tensor, answer.outputs[name])
    return graph


def _describe(tensor: tf.Tensor, info) -> None:
    info.name, info.dtype = tensor.name, tensor.dtype.as_datatype_enum
    info.tensor_shape.CopyFrom(tensor.shape.as_proto())


def _rename(graph: tf.compat.v1.GraphDef, prefix: str) -> None:
    """Give the functions names that no others of the process that reads it have."""
    names = {function.signature.name for function in graph.library.function}
    for node in _nodes(graph):
        for attribute in node.attr.values():
            for called in _functions_of(attribute):
                if called.name in names:
                    called.name = f"{prefix}_{called.name}"
    for function in graph.library.function:
        function.signature.name = f"{prefix}_{function.signature.name}"


def _functions_of(attribute) -> list:
    one = [attribute.func] if attribute.HasField("func") else []
    return [*one, *attribute.list.func]


def _run_as_written(graph: tf.compat.v1.GraphDef) -> None:
    """Give the calls of functions these options, whatever the process had that wrote them."""
    options = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    options.graph_options.rewrite_options.disable_meta_optimizer = True
    for node in _nodes(graph):
        if "config_proto" in node.attr:
            node.attr["config_proto"].s = options.SerializeToString()


def _nodes(graph: tf.compat.v1.GraphDef) -> Iterator:
    """Of the graph and of its functions."""
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _compact(library, functional_loops: bool) -> None:
    """Leave what a function computes in it once: of equal operations on equal inputs the first.

    Without that a third of all operations are constants, and a fifth of the others are there before.
    """
    for function in library.function:
        if functional_loops:
            for node in function.node_def:
                node.attr.pop(_LOWERED, None)
        same = _same(function.node_def)
        kept = []
        for node in function.node_def:
            if node.name not in same:
                node.input[:] = [_renamed(source, same) for source in node.input]
                kept.append(type(node).FromString(node.SerializeToString()))
        for returned, source in function.ret.items():
            function.ret[returned] = _renamed(source, same)
        for returned, source in function.control_ret.items():
            function.control_ret[returned] = same.get(source, source)
        del function.node_def[:]
        function.node_def.extend(kept)


def _same(nodes) -> dict[str, str]:
    """The names of operations that equal another one, and its name."""
    pure = [(node, _attributes(node)) for node in nodes if node.op in _OF_INPUTS_ALONE]
    same: dict[str, str] = {}
    while True:
        first, more = {}, {}
        for node, attributes in pure:
            if node.name not in same:
                inputs = tuple(_renamed(_renamed(source, same), more) for source in node.input)
                one = first.setdefault((node.op, node.device, inputs, attributes), node.name)
                if one != node.name:
                    more[node.name] = one
        if not more:
            return same
        # What has just been found to equal another may be what others equal.
        same = {name: more.get(one, one) for name, one in same.items()} | more


def _attributes(node) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, node.attr[name].SerializeToString(deterministic=True)) for name in sorted(node.attr))


def _renamed(source: str, same: dict[str, str]) -> str:
    """An input, such as name:output:0, or ^name, with the other node's name."""
    control = "^" if source.startswith("^") else ""
    name, colon, output = source.removeprefix("^").partition(":")
    return f"{control}{same.get(name, name)}{colon}{output}"


def _function(graph: tf.compat.v1.MetaGraphDef) -> Callable[..., dict[str, tf.Tensor]]:
    inputs, outputs = graph.signature_def["answer"].inputs, graph.signature_def["answer"].outputs
    ordered = [inputs[str(number)] for number in range(len(inputs))]
    names = sorted(outputs)

    def imported(*arguments):
        sources = {info.name: argument for info, argument in zip(ordered, arguments, strict=True)}
        wanted = [outputs[name].name for name in names]
        found = tf.graph_util.import_graph_def(graph.graph_def, sources, wanted, name="")
        return dict(zip(names, found, strict=True))

    shapes = [tf.TensorSpec(tf.TensorShape(info.tensor_shape), tf.as_dtype(info.dtype)) for info in ordered]
    wrapped = tf.compat.v1.wrap_function(imported, shapes)
    return lambda *arguments: wrapped(*tf.nest.flatten(arguments))


def _read(path: Path) -> tf.compat.v1.MetaGraphDef | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, graph = content[:32], content[32:]
    if hashlib.sha256(graph).digest() != digest:
        return None
    with suppress(OSError):
        os.utime(path)  # those asked for longest ago go first
    try:
        return tf.compat.v1.MetaGraphDef.FromString(graph)
    except DecodeError:
        return None


def _keep(graph: tf.compat.v1.MetaGraphDef, path: Path) -> None:
    content = graph.SerializeToString()
    with suppress(OSError):  # no home, a full or read-only disk
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(hashlib.sha256(content).digest() + content)
        ours = path.parent.glob("[0-9a-f]" * len(path.stem) + _SUFFIX)
        newest = sorted(ours, key=lambda kept: kept.stat().st_mtime, reverse=True)
        for old in newest[_KEPT:]:
            old.unlink(missing_ok=True)
