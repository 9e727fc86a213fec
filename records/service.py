"""tf.data service: other machines read and parse, this one trains."""

import socket
from urllib.parse import urlsplit

import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.records.pipeline import Stage

_CONNECT_S = 10.0


def served(address: str) -> Stage:
    """Let the workers of a tf.data service make the elements of a dataset, each of them once.

    With one worker the stream is the same as without the service; with several each element is, but they
    come in the order in which they are made.  The workers need the records under the same path.

    Args:
        address: of the dispatcher, grpc://HOST:PORT.

    Raises:
        UserError: another kind of address, or nobody listens there.
    """
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "grpc" or not parts.hostname or not port:
        raise UserError(f"data service: expected grpc://HOST:PORT, found {address!r}")
    try:
        # TensorFlow would wait for an hour.
        socket.create_connection((parts.hostname, port), timeout=_CONNECT_S).close()
    except OSError as error:
        raise UserError(
            f"data service {address}: no answer ({error}); start its dispatcher, or train without it"
        ) from None
    return lambda dataset: dataset.apply(
        tf.data.experimental.service.distribute(
            processing_mode=tf.data.experimental.service.ShardingPolicy.DYNAMIC,
            service=address,
            compression=None,
        )
    )
