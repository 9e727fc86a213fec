"""Small made-up discharges, for tests that need many records or several grids."""

import numpy as np
import pytest


def make_sample(number, grid=(6, 6, 8), frames=4, c_rate=1.0, geometry=None):
    """A discharge of random numbers that is a valid sample."""
    from tfmsnet.halfcell import Parameters
    from tfmsnet.records import Sample

    rng = np.random.default_rng(number)
    phase = rng.choice(3, size=grid, p=[0.4, 0.5, 0.1]).astype("u1")
    shape = (frames, *grid)
    return Sample(
        phase=phase,
        concentration=(rng.uniform(2e4, 4e4, shape) * (phase == 1)).astype("f4"),
        potential=(rng.uniform(3.5, 4.2, shape) * (phase != 0)).astype("f4"),
        times_s=np.arange(frames) * 100.0 / c_rate,
        dol=np.linspace(0.4, 0.7, frames),
        voltage_v=np.linspace(4.0, 3.5, frames),
        c_rate_profile=np.array([0.0] + [c_rate] * (frames - 1)),
        voxel_size_m=0.5e-6,
        geometry_id=f"g{number:02d}" if geometry is None else geometry,
        parameters=Parameters(),
        am_wt_percent=90.0,
        calendering_percent=float(number),
    )


def write_data(directory, samples):
    """Sample files of samples, named in their order."""
    from tfmsnet.records import sample_files, write_sample

    for number, sample in enumerate(samples):
        write_sample(sample, directory / f"{number:02d}.h5")
    return sample_files(directory)


@pytest.fixture(scope="session")
def make():
    """`make_sample(number, grid, frames, c_rate, geometry)`."""
    return make_sample


@pytest.fixture(scope="session")
def files_of():
    """`write_data(directory, samples)`."""
    return write_data


@pytest.fixture(scope="session")
def small_files(tmp_path_factory):
    """Files of ten small discharges."""
    return write_data(tmp_path_factory.mktemp("small"), [make_sample(n) for n in range(10)])


@pytest.fixture(scope="session")
def small(small_files, tmp_path_factory):
    """A records directory: seven training samples in four shards, one for validation, two of the test."""
    from tfmsnet.records import write_records

    out = tmp_path_factory.mktemp("records") / "small"
    write_records(small_files, out, split="1/2", reader="h5py")
    return out


@pytest.fixture(scope="session")
def mixed(tmp_path_factory):
    """A records directory whose training samples have two grids: nine of one, four of the other."""
    from tfmsnet.records import write_records
    from tfmsnet.records.split import split_geometries

    samples = [make_sample(n) for n in range(9)]
    samples += [make_sample(n, grid=(8, 6, 10), frames=5) for n in range(9, 14)]
    files = write_data(tmp_path_factory.mktemp("mixed"), samples)
    out = tmp_path_factory.mktemp("records") / "mixed"
    recipes = {sample.geometry_id: (90.0, 0.0) for sample in samples}
    of_second = ("g09", "g10", "g11", "g12", "g13")
    seed = next(s for s in range(99) if "test" in map(split_geometries(recipes, "0/1", s).get, of_second))
    write_records(files, out, split="0/1", seed=seed, reader="h5py", short="keep")
    return out
