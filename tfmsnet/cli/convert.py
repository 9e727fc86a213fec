"""tfmsnet convert: weights of the PyTorch MS-Net as a network to start from."""

import click

from tfmsnet.cli.options import PATH


@click.command("convert")
@click.argument("weights", type=PATH)
@click.argument("out", type=PATH)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="CHANNEL",
    help="Geometry channel that stands for one of its inputs; once for each.  [default: am_distance]",
)
@click.option(
    "--normalisation",
    type=click.Choice(["ms_net", "none"]),
    default="ms_net",
    show_default=True,
    help="ms_net: it was made with its instance normalisation; none: without.",
)
@click.option(
    "--voxel-size-um",
    type=click.FloatRange(0.001, 100),
    default=0.5,
    show_default=True,
    help="Voxel edge of the records that it will be trained on, um.",
)
def command(weights, out, channels, normalisation, voxel_size_um):
    """Take over WEIGHTS, the state_dict of an MS-Net of https://github.com/je-santos/ms_net.

    OUT is a directory like a run's, to start a training from: `tfmsnet train RECORDS --init OUT`.  An MS-Net
    predicts the flow through a pore space or whatever it was trained on: before it has been trained on
    discharges its answers mean nothing for a battery.  Needs PyTorch.
    """
    from tfmsnet.files import replacing_directory
    from tfmsnet.networks.ms_net import MSNetWeights, read_state
    from tfmsnet.predictors.ms_net import predictor_of
    from tfmsnet.predictors.store import save_predictor

    found = MSNetWeights.from_state(read_state(weights), str(weights))
    predictor, statistics = predictor_of(
        found, channels or ("am_distance",), normalisation, voxel_size_um * 1e-6, str(weights)
    )
    with replacing_directory(out) as partial:
        save_predictor(predictor, partial, statistics=statistics, train_geometries=())
    click.echo(
        f"{out}: {predictor.count_params():,} parameters; train it with `tfmsnet train RECORDS --init {out}`"
    )
