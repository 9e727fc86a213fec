"""The surrogate that an MS-Net of je-santos/ms_net becomes: weights to start a training from."""

from dataclasses import replace

from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters
from tfmsnet.networks.ms_net import MSNetWeights
from tfmsnet.predictors.config import MS_NETWORK
from tfmsnet.predictors.predictor import Predictor, make_predictor


def predictor_of(
    weights: MSNetWeights, channels: tuple[str, ...], normalisation: str, voxel_size_m: float, where: str
) -> tuple[Predictor, dict]:
    """The paper's autoregressive surrogate of the concentration, with the weights of an MS-Net.

    It sees the C-rate and the previous state, too, with weights of zero, so that its network still answers
    as the MS-Net does.

    Args:
        weights: of the MS-Net.
        channels: geometry channels in the place of its inputs.
        normalisation: "ms_net" or "none".
        voxel_size_m: of the records to come, m.
        where: they come from.

    Returns:
        The surrogate, and the statistics that its state is scaled with: the concentration's range in a
        discharge.

    Raises:
        UserError: other than one channel per input, or several outputs.
    """
    if len(channels) != weights.features:
        raise UserError(
            f"{where}: --channel: expected {weights.features} channels in the place of its inputs, found "
            f"{len(channels)} ({', '.join(channels)})"
        )
    if weights.outputs != 1:
        raise UserError(f"{where}: expected an MS-Net that predicts one field, found {weights.outputs}")
    config = replace(
        MS_NETWORK,
        channels=tuple(channels),
        scales=len(weights.branches),
        options=replace(weights.options(), normalisation=normalisation),
    )
    parameters = Parameters()
    c_max = parameters.c_max_mol_m3
    statistics = {"concentration": {"minimum": parameters.initial_dol * c_max, "maximum": c_max}}
    surrogate = make_predictor(config, parameters, statistics, voxel_size_m)
    weights.give(surrogate.network)
    return surrogate, statistics
