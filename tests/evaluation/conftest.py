"""Discharges written down as formulas: quick to make, with fields whose scores are known."""

import numpy as np
import pytest
from scipy import ndimage

from tfmsnet.evaluation import Fields
from tfmsnet.halfcell import Parameters
from tfmsnet.load import equal_charge_frames
from tfmsnet.records.sample import Sample
from tfmsnet.references.uniform import uniform_fields

PARAMETERS = Parameters()


def _phase(grid, seed):
    """Blobs of AM with CBD between them; every label occurs."""
    rng = np.random.default_rng(seed)
    blobs = ndimage.gaussian_filter(rng.normal(size=grid), 1.5)
    am, cbd = np.quantile(blobs, [0.6, 0.4])
    return np.where(blobs > am, 1, np.where(blobs > cbd, 2, 0)).astype(np.uint8)


def _fields(phase, profile, times_s, seed):
    """The 0-D cell plus gradients that grow with the current and change along the discharge."""
    rng = np.random.default_rng(seed + 1)
    am, solid = phase == 1, phase != 0
    shape = ndimage.gaussian_filter(rng.normal(size=phase.shape), 1.0)
    shape = np.where(am, (shape - shape[am].mean()) / shape[am].std(), 0.0)
    depth = np.linspace(0.0, 1.0, phase.shape[2])
    known = uniform_fields(profile, times_s, PARAMETERS)
    frames = zip(known.concentration, known.potential, profile, strict=True)
    fields = [
        (
            np.where(am, c + 300.0 * rate * shape * (1.0 + 0.1 * number), 0.0),
            np.where(solid, v - 0.02 * rate + 1e-3 * rate * depth**2, 0.0),
        )
        for number, (c, v, rate) in enumerate(frames)
    ]
    return (np.array(frames, np.float32) for frames in zip(*fields, strict=True))


def build_sample(c_rate=1.0, frames=25, grid=(8, 7, 12), seed=0, profile=None) -> Sample:
    constant, times_s = equal_charge_frames(c_rate, frames)
    profile = constant if profile is None else np.asarray(profile, float)
    phase = _phase(grid, seed)
    concentration, potential = _fields(phase, profile, times_s, seed)
    return Sample(
        phase=phase,
        concentration=concentration,
        potential=potential,
        times_s=times_s,
        dol=uniform_fields(profile, times_s, PARAMETERS).concentration / PARAMETERS.c_max_mol_m3,
        voltage_v=np.array([frame[phase != 0].mean() for frame in potential], float),
        c_rate_profile=profile,
        voxel_size_m=0.5e-6,
        geometry_id=f"geometry{seed}",
        parameters=PARAMETERS,
    )


@pytest.fixture(scope="session")
def make_sample():
    """`build_sample(c_rate, frames, grid, seed, profile)`."""
    return build_sample


@pytest.fixture(scope="session")
def truth():
    """The predictor that knows the answer."""
    return lambda sample: Fields(sample.concentration, sample.potential)


@pytest.fixture(scope="session")
def noisy():
    """A predictor: the truth with this much noise (standard deviations in mol/m3 and V)."""

    def predictor(c_noise, v_noise):
        def predict(sample):
            rng = np.random.default_rng(0)
            c = sample.concentration + c_noise * rng.normal(size=sample.concentration.shape)
            v = sample.potential + v_noise * rng.normal(size=sample.potential.shape)
            return Fields((c * sample.am_mask).astype("f4"), (v * sample.solid_mask).astype("f4"))

        return predict

    return predictor
