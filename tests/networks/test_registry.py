"""The registry: what it refuses, plugins by name and by file, sizes with and without a formula."""

import subprocess
import sys
from dataclasses import dataclass, replace

import keras
import pytest

import tfmsnet
from tfmsnet import plugins
from tfmsnet.errors import UserError
from tfmsnet.networks import registry
from tfmsnet.networks.config import MSNetConfig, UNetConfig
from tfmsnet.networks.msnet import MSNet
from tfmsnet.predictors.config import NetworkConfig, describe_network
from tfmsnet.training.config import RunConfig
from tfmsnet.training.memory import estimate, parameters


@dataclass(frozen=True)
class Plain:
    """MSNet's values without its formula."""

    filters: int = 6
    growth: float = 2.0


class Copied(MSNet):
    """MSNet, set up by `Plain`."""

    def __init__(self, outputs, options, **kwargs):
        super().__init__(outputs, MSNetConfig(options.filters, options.growth, convolutions=2), **kwargs)


@pytest.fixture(autouse=True)
def ours(monkeypatch):
    """A registry that the tests may change."""
    monkeypatch.setattr(registry, "_NETWORKS", dict(registry._NETWORKS))
    monkeypatch.setattr(plugins, "_imported", set())


def test_networks_have_names_of_their_own():
    assert "register_network" in dir(tfmsnet)
    tfmsnet.register_network("copied", Copied, Plain)
    modes = ({}, {"autoregressive": False}, {"autoregressive": False, "basis": 4})
    networks = [NetworkConfig.of(architecture=name, **mode) for name in ("unet", "copied") for mode in modes]
    assert [describe_network(network) for network in networks] == [
        *("AR-U-Net", "direct U-Net", "time-basis U-Net"),
        *("AR-copied", "direct copied", "time-basis copied"),
    ]


def test_what_was_chosen_stays_with_another_architecture_and_defaults_do_not():
    tfmsnet.register_network("copied", Copied, Plain)
    chosen = NetworkConfig.of(filters=9, masked="refinement", potential_filters=3)
    assert chosen.with_values({"architecture": "unet"}).options == UNetConfig(filters=9)
    assert NetworkConfig.of(growth=3.0).with_values({"architecture": "copied"}).options == Plain(growth=3.0)
    assert chosen.with_values({"architecture": "copied", "filters": 2}).options == Plain(filters=2)
    assert NetworkConfig.from_dict(chosen.as_dict()) == chosen


def test_sizes_are_counted_where_no_formula_tells_them():
    tfmsnet.register_network("copied", Copied, Plain)
    known = RunConfig(NetworkConfig.of(filters=6, convolutions=2))
    counted = replace(known, network=NetworkConfig.of(architecture="copied"))
    assert parameters(counted) == parameters(known)
    grid = (24, 24, 64)
    assert estimate(counted, grid).total > estimate(known, grid).total
    separate = [run.with_values({"potential_filters": 3}, "test") for run in (known, counted)]
    assert parameters(separate[0]) == parameters(separate[1])


@dataclass(frozen=True)
class Demanding:
    """A value without a default."""

    width: int


@dataclass(frozen=True)
class Taken:
    """A key that all networks have."""

    scales: int = 3


@dataclass(frozen=True)
class Filterless:
    """Nothing to choose."""


def test_what_is_no_network_is_refused():
    with pytest.raises(UserError, match="expected a frozen dataclass"):
        tfmsnet.register_network("mine", Copied, dict)
    with pytest.raises(UserError, match="expected defaults for all values"):
        tfmsnet.register_network("mine", Copied, Demanding)
    tfmsnet.register_network("mine", Copied, Taken)
    with pytest.raises(UserError, match="keys that no network has yet, found 'scales'"):
        NetworkConfig(architecture="mine")
    tfmsnet.register_network("mine", Copied, Filterless)
    with pytest.raises(UserError, match="potential_filters: expected 0 for mine, which has no `filters`"):
        NetworkConfig(architecture="mine", potential_filters=3)
    with pytest.raises(UserError, match="options: expected a UNetConfig"):
        NetworkConfig(architecture="unet", options=MSNetConfig())


def test_keras_reads_a_network_back():
    tfmsnet.register_network("copied", Copied, Plain)
    network = MSNet(2, MSNetConfig(filters=3), scales=2, padding="zero")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    assert (copy.options, copy.padding) == (network.options, "zero")


PLUGIN = """
import tfmsnet
from dataclasses import dataclass

@dataclass(frozen=True)
class Config:
    depth: int = 3

tfmsnet.register_network("mine", "no.such:Layer", Config, label="Mine")
"""


@pytest.mark.parametrize("by", ["file", "module"])
def test_a_plugin_is_imported_when_its_network_is_asked_for(tmp_path, monkeypatch, by):
    (tmp_path / "plugin_of_mine.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    name = "plugin_of_mine" if by == "module" else str(tmp_path / "plugin_of_mine.py")
    monkeypatch.delitem(sys.modules, "plugin_of_mine", raising=False)
    monkeypatch.setenv("TFMSNET_PLUGINS", f" {name},")
    assert RunConfig().with_values({"architecture": "mine", "depth": 5}, "--set").network.options.depth == 5


def test_a_run_of_a_network_that_is_not_there_says_so(tfmsnet, tmp_path, monkeypatch):
    def refused(message):
        status, _, err = tfmsnet("train", "--dry-run", "--set", "architecture=mine")
        assert (status, len(err.splitlines())) == (2, 1)
        assert message in err

    refused("architecture: expected one of msnet, unet, found 'mine'; a network of yours is found if")
    monkeypatch.setenv("TFMSNET_PLUGINS", "not_there")
    refused("TFMSNET_PLUGINS: can't import 'not_there' (No module named 'not_there')")
    monkeypatch.setenv("TFMSNET_PLUGINS", str(tmp_path / "not_there.py"))
    refused("not_there.py' (no such file)")
    (tmp_path / "broken.py").write_text("def")
    monkeypatch.setenv("TFMSNET_PLUGINS", str(tmp_path / "broken.py"))
    refused("broken.py' (invalid syntax")


def test_sizes_need_no_tensorflow():
    code = (
        "import sys; from tfmsnet.training.config import PRESETS; "
        "from tfmsnet.training.memory import parameters; "
        "assert [parameters(p) for p in PRESETS.values()]; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
