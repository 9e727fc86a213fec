"""How far an answer of a reduced model may be off: nine of ten are nearer to the simulator.

`resolved-particles` has the salt and the potentials of each plane to first order: its error grows with what
the salt does, of the curve with the square, and with the current.  `porous-electrode` has one size of
particles: its error grows with the current through their surface, too, and more where sizes spread farther
than a particle of any dimensions can stand for.  The factors are conformal, the 0.9 quantiles of error over
scale, of samples of `tfmsnet simulate --design wide` (benchmarks/error_bars.py): electrodes of NMC111.  Those
of `porous-electrode` are somewhat wider: on other electrodes the quantile's held for 87 %; that of the spread
is from seven other electrodes of the design and one beyond it.  Where the open-circuit potential has steps
and plateaus, or lithium spreads fast, particles of different sizes part further: its bars are wider for all
active materials but NMC111.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfmsnet.materials.parameters import Parameters

if TYPE_CHECKING:
    import tensorflow as tf

# Share of the answers that are nearer to the simulator than their bar says.
LEVEL = 0.9
# A curve that may be off by more than this, V, root mean square, isn't to be believed.
DOUBTFUL_V = 0.01


class ErrorBar(NamedTuple):
    """Of one model.

    Attributes:
        volt: V, at rest.
        volt_per_salt: V per ln(c / c_0)^2 of the salt, the largest of all planes.
        volt_per_current: V per A/m2 of the mean current through the active material's surface.
        volt_per_spread: the same for each unit of `Spheres.beyond`.
        vrmse: of the concentration, over the standard deviation in a frame.
        vrmse_per_salt: per |ln(c / c_0)|.
    """

    volt: float
    volt_per_salt: float
    volt_per_current: float
    volt_per_spread: float
    vrmse: float
    vrmse_per_salt: float

    def at(
        self, salt: "tf.Tensor", initial_salt: float, density: "tf.Tensor", beyond: "tf.Tensor"
    ) -> "dict[str, tf.Tensor]":
        """At a moment.

        Args:
            salt: (batch, layer) mol/m3.
            initial_salt: mol/m3.
            density: (batch, z) A/m2 into the surface.
            beyond: (batch,) float64, how much farther sizes spread than the model's particles'.

        Returns:
            voltage_error_v and concentration_vrmse, (batch,) float64.
        """
        import tensorflow as tf  # clients do without

        excursion = tf.reduce_max(tf.abs(tf.math.log(tf.maximum(salt, 1e-6) / initial_salt)), axis=1)
        current = tf.reduce_mean(tf.abs(density), axis=1)
        return {
            "voltage_error_v": self.volt
            + self.volt_per_salt * excursion**2
            + (self.volt_per_current + self.volt_per_spread * beyond) * current,
            "concentration_vrmse": self.vrmse + self.vrmse_per_salt * excursion,
        }


# Of what they are: the models' own particles.
SPHERES = ErrorBar(4.0e-4, 8.0e-3, 6.0e-4, 2.0e-2, 0.30, 0.0)
# The same for other active materials: curves six times, concentrations five times as far off, of which the
# commands of docs/references.md find four (graphite) and five (LCO), the wide design's electrodes some more.
SPHERES_OF_OTHERS = ErrorBar(*(6 * curve for curve in SPHERES[:4]), *(5 * vrmse for vrmse in SPHERES[4:]))
VOXELS = ErrorBar(2.0e-5, 7.5e-3, 7.5e-5, 0.0, 0.0106, 0.022)


def of_spheres(parameters: Parameters) -> ErrorBar:
    """For a cell; the active material that the bars were found for is told by its functions."""
    nmc111 = Parameters()
    same = parameters.open_circuit_v == nmc111.open_circuit_v
    same &= parameters.solid_diffusivity == nmc111.solid_diffusivity
    return SPHERES if same else SPHERES_OF_OTHERS


def over_all(voltage_error_v: np.ndarray, concentration_vrmse: np.ndarray) -> tuple[float, float]:
    """Of a whole answer, from those of its frames: root mean square of the curve's, V; median of the VRMSE.

    The first frame, the equilibrium, isn't looked at.
    """
    curve = float(np.sqrt(np.mean(np.square(voltage_error_v[1:], dtype=np.float64))))
    return curve, float(np.median(concentration_vrmse[1:]))
