"""Addresses of served models, and what isn't one."""

import pytest

from tfmsnet.errors import UserError
from tfmsnet.serving.transports import Address


@pytest.mark.parametrize(
    ("text", "scheme", "target", "name"),
    [
        ("grpc://localhost:8500", "grpc", "localhost:8500", "cathode"),
        ("grpc://[::1]:8500/nmc", "grpc", "[::1]:8500", "nmc"),
        ("grpcs://models.example.org/nmc", "grpcs", "models.example.org", "nmc"),
        ("http://10.0.0.1:8501/nmc/", "http", "10.0.0.1:8501", "nmc"),
        ("https://models.example.org/nmc", "https", "models.example.org", "nmc"),
    ],
)
def test_an_address(text, scheme, target, name):
    address = Address.parse(text)
    assert (address.scheme, address.target, address.name) == (scheme, target, name)
    assert address.encrypted == text.split(":")[0].endswith("s")
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("http://h:8501/nmc", "http://h:8501/v1/models/nmc"),
        ("http://h:8501/v1/models/nmc", "http://h:8501/v1/models/nmc"),
        ("http://h:8501/v1/models/nmc:predict", "http://h:8501/v1/models/nmc"),
        ("http://h:8501/v1/models/nmc/metadata", "http://h:8501/v1/models/nmc"),
        ("http://h:8501/v1/models/nmc/versions/3:predict", "http://h:8501/v1/models/nmc/versions/3"),
        ("http://h:8501/v1/models/nmc/labels/stable", "http://h:8501/v1/models/nmc/labels/stable"),
        ("https://h/serving/battery/nmc", "https://h/serving/battery/v1/models/nmc"),
        ("https://h/serving/v1/models/nmc:predict", "https://h/serving/v1/models/nmc"),
    ],
)
def test_paths_of_tf_serving_and_of_proxies(text, base):
    address = Address.parse(text)
    assert address.base == base
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected grpc://HOST:PORT/NAME"),
        ("localhost:8500", "expected grpc://HOST:PORT/NAME"),
        ("ftp://localhost:8500", "expected grpc://HOST:PORT/NAME"),
        ("grpc://:8500", "expected grpc://HOST:PORT/NAME"),
        ("grpc://h:99999", "expected grpc://HOST:PORT/NAME"),
        ("grpc://localhost", "grpc needs a port"),
        ("grpc://h:8500/a/b", "gRPC has no paths"),
        ("https://h/nmc:classify", "'nmc:classify' is no model's name"),
        ("https://h/v1/models/nmc?signature=fields", "goes on after the path"),
        ("https://me:secret@h/nmc", "give it as a header"),
    ],
)
def test_what_is_none(text, message):
    with pytest.raises(UserError, match=message) as found:
        Address.parse(text)
    assert "secret" not in str(found.value)
