"""Addresses of served models, and what isn't one."""

import pytest

from tfmsnet.errors import UserError
from tfmsnet.serving.transports import Address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grpc://localhost:8500", ("grpc", "localhost:8500", "cathode")),
        ("grpc://[::1]:8500/nmc", ("grpc", "[::1]:8500", "nmc")),
        ("http://10.0.0.1:8501/nmc/", ("http", "10.0.0.1:8501", "nmc")),
        ("https://models.example.org/nmc", ("https", "models.example.org", "nmc")),
    ],
)
def test_an_address(text, expected):
    address = Address.parse(text)
    assert (address.scheme, address.target, address.name) == expected
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:8500",
        "ftp://localhost:8500",
        "grpc://localhost",
        "grpc://:8500",
        "grpc://h:99999",
        "http://h/a/b",
    ],
)
def test_what_is_none(text):
    with pytest.raises(UserError, match="server: expected grpc://HOST:PORT/NAME"):
        Address.parse(text)
