"""A model on a server: TF Serving over gRPC or REST, asked as a model in this process is."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Self

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.files import parse_json
from tfmsnet.predictors.description import DESCRIPTION, check_description
from tfmsnet.serving.model import Model
from tfmsnet.serving.transports import MOST_ATTEMPTS, Access, Address, GrpcTransport, RestTransport


class Client(Model):
    """A served model; `curve`, `fields` and `predict` are those of `Model`.

    Args:
        address: grpc://HOST:PORT/NAME, grpcs://HOST[:443]/NAME, http://HOST:PORT/NAME or https://HOST/NAME;
            NAME is `cathode` when it is left out.  Over REST a path may be in front, and TF Serving's own
            .../v1/models/NAME[/versions/N][:predict] is taken.
        version: of the model; None for the newest, or the address's.
        ca_file: PEM certificates that grpcs and https trust instead of the system's.
        headers: sent with every request, such as {"Authorization": "Bearer ..."}.
        timeout_s: how long to wait for an answer.
        attempts: how often a request is sent, with growing waits, while the server can't be reached; 1 to 5.
            Nothing else is repeated: what the model refuses, it would refuse again.
        max_message_bytes: largest message; all frames of 100 x 100 x 100 voxels are 200 MB.

    Raises:
        UserError: an address, a certificate, a header or a number that can't be used; later, what
            the model refuses.
        RunFailed: later, a server that can't be reached or doesn't answer in time.
    """

    def __init__(
        self,
        address: str,
        *,
        version: int | None = None,
        ca_file: str | PathLike | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 120.0,
        attempts: int = 4,
        max_message_bytes: int = 2**31 - 1,
    ):
        if not 1 <= attempts <= MOST_ATTEMPTS:
            raise UserError(f"attempts: expected 1 to {MOST_ATTEMPTS}, found {attempts}")
        if not timeout_s > 0:
            raise UserError(f"timeout_s: expected a number above 0, found {timeout_s}")
        self.address = Address.parse(address)
        access = Access(Path(ca_file) if ca_file else None, dict(headers or {}))
        if ca_file and not self.address.encrypted:
            raise UserError(f"ca_file: {address} isn't encrypted; use grpcs:// or https://, or leave it out")
        if self.address.version and version is not None:
            raise UserError(f"version: the address has one, {self.address.version[1:]}; give one of them")
        transport = GrpcTransport if self.address.scheme.startswith("grpc") else RestTransport
        self._transport = transport(self.address, access, version, timeout_s, attempts, max_message_bytes)
        super().__init__(self._transport.call, self._described)

    def _described(self) -> dict:
        try:
            content = parse_json(self.document(DESCRIPTION))
        except ValueError as error:
            raise UserError(f"{self.address}: its {DESCRIPTION} isn't JSON ({error})") from None
        where = f"{self.address}: {DESCRIPTION}"
        if not isinstance(content, dict):
            raise UserError(f"{where}: expected a JSON object, found {type(content).__name__}")
        check_description(content, where)
        return content

    def document(self, name: str) -> str:
        """A file of the served model's assets: surrogate.json, signatures.json or MODEL_CARD.md.

        Raises:
            UserError: the server has no such file.
        """
        content = np.asarray(self.call("card", {"name": np.array([name])}).get("content"))
        if content.shape != (1,) or not isinstance(content[0], str | bytes):
            raise UserError(f"{self.address}: has no document {name}; expected a model of `tfmsnet export`")
        return content[0].decode(errors="replace") if isinstance(content[0], bytes) else str(content[0])

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()
