"""Where a model is served: grpc://HOST:PORT/NAME or http://HOST:PORT/NAME."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tfmsnet.errors import UserError

SCHEMES = ("grpc", "http", "https")
DEFAULT_NAME = "cathode"


@dataclass(frozen=True)
class Address:
    """A served model.

    Attributes:
        scheme: "grpc", "http" or "https".
        target: HOST:PORT.
        name: of the model.
    """

    scheme: str
    target: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """From a URL; without a path the model is called `cathode`.

        Raises:
            UserError: another scheme, no host, or no port where one is needed.
        """
        parts = urlsplit(text)
        try:
            port = parts.port
        except ValueError:
            port = 0
        needs_port = parts.scheme == "grpc"
        name = parts.path.strip("/") or DEFAULT_NAME
        if (
            parts.scheme not in SCHEMES
            or not parts.hostname
            or port == 0
            or "/" in name
            or (needs_port and not port)
        ):
            raise UserError(
                "server: expected grpc://HOST:PORT/NAME, http://HOST:PORT/NAME or https://HOST/NAME, "
                f"found {text!r}"
            )
        return cls(parts.scheme, parts.netloc, name)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.target}/{self.name}"
