"""Errors of one predicted frame against the true one, over the phase that the field lives in.

`y` are true and `y_hat` predicted values, (voxel,) float64, of the phase's voxels only; what a field holds
elsewhere can't enter.  A prediction that isn't finite has infinite errors.
"""

from functools import lru_cache

import numpy as np
from scipy import fft, ndimage

# Wavelengths in voxels that part the bands: longer than a typical particle, within one, at interfaces.
BAND_EDGES = (16.0, 4.0)
BANDS = ("long", "middle", "short")


def ratio(error: float, scale: float) -> float:
    """error / scale, where no error is 0 even on no scale."""
    if error == 0.0:
        return 0.0
    return error / scale if scale > 0.0 else np.inf


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def mean_error_percent(y: np.ndarray, y_hat: np.ndarray) -> float:
    """|<y_hat> - <y>| / |<y>|, % (the paper's figure 5). A uniform field of the right mean has 0."""
    return 100.0 * ratio(abs(float(y_hat.mean() - y.mean())), abs(float(y.mean())))


def nrmse(y: np.ndarray, y_hat: np.ndarray) -> float:
    """sqrt<(y_hat - y)^2> / sqrt<y^2>."""
    return ratio(rms(y_hat - y), rms(y))


def vrmse(y: np.ndarray, y_hat: np.ndarray, smallest: float = 0.0) -> float:
    """sqrt(<(y_hat - y)^2> / var(y)): 1 is no better than the frame's true mean everywhere.

    Args:
        smallest: standard deviation that is divided by where that of y is smaller, in y's unit.
    """
    return ratio(rms(y_hat - y), max(float(y.std()), smallest))


def pattern_error(y: np.ndarray, y_hat: np.ndarray, smallest: float = 0.0) -> float:
    """std(y_hat - y) / std(y): the VRMSE that is left once the error of the mean is taken away.

    With b the error of the mean in standard deviations of y, vrmse^2 = pattern_error^2 + b^2.
    """
    return ratio(float((y_hat - y).std()), max(float(y.std()), smallest))


def interface(mask: np.ndarray) -> np.ndarray:
    """(x, y, z) bool: the voxels of a phase with a face on another one; the image's border is none."""
    return mask & ~ndimage.binary_erosion(mask, border_value=1)


def interface_error(
    y: np.ndarray, y_hat: np.ndarray, at_interface: np.ndarray, smallest: float = 0.0
) -> float:
    """RMSE over the interface voxels alone, in standard deviations of y over the whole phase.

    Args:
        at_interface: (voxel,) bool; NaN is returned where there is no interface.
    """
    if not at_interface.any():
        return np.nan
    return ratio(rms((y_hat - y)[at_interface]), max(float(y.std()), smallest))


def spectral_errors(y: np.ndarray, y_hat: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The error's share of the field's amplitude in three bands of wavelength.

    Both deviations from the mean, zero outside the phase, are Fourier transformed; per band,
    sqrt(power of the error / power of the true field): 0 perfect, 1 for a uniform field.  A model that
    smooths has a small error in the long band and 1 in the short one.

    Args:
        mask: (x, y, z) bool, the phase's voxels, in the order of y.

    Returns:
        (band,) float64 after `BANDS`: wavelengths above 16, 16 to 4, below 4 voxels; NaN for a band
        that the grid is too small to hold.
    """
    error, true = _band_powers(y_hat - y, mask), _band_powers(y, mask)
    amplitudes = [ratio(np.sqrt(e), np.sqrt(t)) for e, t in zip(error, true, strict=True)]
    return np.where(_per_band(mask.shape) > 0, amplitudes, np.nan)


def _band_powers(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    volume = np.zeros(mask.shape)
    volume[mask] = values - values.mean()
    spectrum = fft.rfftn(volume)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    # The half spectrum stands for the whole: planes without a mirror image count once.
    last = mask.shape[2] // 2 if mask.shape[2] % 2 == 0 else None
    power[..., 1:last] *= 2.0
    return _per_band(mask.shape, power.ravel())


def _per_band(grid: tuple[int, int, int], weights: np.ndarray | None = None) -> np.ndarray:
    """The sum of weights (else the count) of the modes of each band."""
    return np.bincount(_bands(grid).ravel(), weights, minlength=len(BANDS) + 1)[: len(BANDS)]


@lru_cache(maxsize=4)
def _bands(grid: tuple[int, int, int]) -> np.ndarray:
    """Index of the band of each mode of the half spectrum; the mean is in none, one past the last."""
    x, y = fft.fftfreq(grid[0]), fft.fftfreq(grid[1])
    z = fft.rfftfreq(grid[2])
    frequency = np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2)
    bands = np.digitize(frequency, [1.0 / edge for edge in BAND_EDGES])
    bands[0, 0, 0] = len(BANDS)
    return bands
