"""Conduction from plane to plane, and within planes, read off the potentials of an image's voxels."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from tfmsnet.references.geometry import Geometry

# Where less than this share of the current passes between two planes its resistance is noise.
_LEAST_CURRENT = 0.02
# Of planes without a reacting surface, voxel faces, among the areas of the others.
_NO_WEIGHT = 1e-6
# Of a mean that isn't to be moved, over the largest of the others.
_FIXED = 1e6
# Resistances are at least this share of that of free electrolyte.
_LEAST_RESISTANCE = 0.01


class Conduction(NamedTuple):
    """The answer of a conductor to a current of 1 A/m2 of the reacting surface, spread as `Surface.filling`.

    Attributes:
        between: (batch, z - 1) float64, resistance between planes of voxels, per area of the foil; of the
            electrolyte (batch, layer - 1).
        end: (batch, 1) float64, between the outermost plane and what the current goes to.
        deviation: (batch, row, z) float32, potential at the surface of the active material's voxels, less
            that of their plane; of an electrolyte that is parted, by what flows into the plane's surface.
        through: (batch, row, z) float32, the same by 1 A/m2 of the foil that flows through the plane; 0
            where not parted.
        pattern: (batch, row, z) float32, potential of the conductor's voxels, less that of the plane.
        stored, stored_through: (batch, z) float64, m, as `deviation` and `through`, means over a plane's
            electrolyte; 0 where not parted.
        flowing: (batch, z) float64, m, as `deviation`, mean over what flows through the plane.
    """

    between: tf.Tensor
    end: tf.Tensor
    deviation: tf.Tensor
    through: tf.Tensor
    pattern: tf.Tensor
    stored: tf.Tensor | float = 0.0
    stored_through: tf.Tensor | float = 0.0
    flowing: tf.Tensor | float = 0.0


def upscaled(
    geometry: "Geometry",
    potential: tf.Tensor,
    at_surface: tf.Tensor,
    conductivity: tf.Tensor,
    plane_conductivity: tf.Tensor,
    from_foil: bool,
) -> Conduction:
    """Resistances between planes: the step of their mean potentials over the current that passes.

    Means of single planes are noisy, as each meets other pores: where they don't rise steadily,
    some planes are taken together.  What resistances don't reproduce, the deviations do.
    """
    lattice, area, reacting = geometry.lattice, geometry.plane_area(), geometry.planes
    filling = geometry.plane_filling()
    layers = tf.shape(plane_conductivity)[1]
    conducting = lattice.plane_sums(conductivity)[:, :layers]
    everywhere = lattice.plane_sums(tf.cast(conductivity, tf.float64) * potential)[:, :layers]
    everywhere /= above(conducting)
    collected = tf.cumsum(filling, axis=1) / geometry.foil_faces
    total = collected[:, -1:]
    # Where no surface reacts, the mean of the whole plane.
    mean = tf.where(area > 0.0, geometry.plane_mean(at_surface), everywhere[:, :reacting])
    # The current through a face feeds all planes on the far side of it.
    passes, weights = (total - collected)[:, :-1], tf.maximum(area, _NO_WEIGHT)
    if from_foil:
        beyond = everywhere[:, reacting:]
        # The first layer of the separator stays what it is.
        mean, passes = tf.concat([mean, beyond[:, :1]], axis=1), collected
        weights = tf.concat([weights, _FIXED * tf.reduce_max(weights, axis=1, keepdims=True)], axis=1)
    # Elsewhere means are noise, or of planes that don't conduct.
    known = passes > _LEAST_CURRENT * total
    steady = rising(-mean if from_foil else mean, weights)
    measured = tf.maximum(steady[:, 1:] - steady[:, :-1], 0.0) / above(passes)
    # Nothing may conduct at all: then nothing reacts either.
    best = above(tf.reduce_max(plane_conductivity, axis=1, keepdims=True))
    # In series, without any tortuosity: tells where too little current passes.
    conductivity_m = tf.maximum(plane_conductivity[:, : tf.shape(mean)[1]], 1e-6 * best)
    series = 0.5 / conductivity_m[:, :-1] + 0.5 / conductivity_m[:, 1:]
    through = tf.where(known, passes, tf.zeros_like(passes))
    scale = tf.reduce_sum(measured * through, 1, keepdims=True) / above(
        tf.reduce_sum(series * through, 1, keepdims=True)
    )
    between = tf.where(known, measured, tf.maximum(scale, 1.0) * series)
    least = _LEAST_RESISTANCE / best
    between = tf.maximum(between, least)
    # Potentials that these resistances give, from the separator or with the mean that was found.
    drop = tf.cumsum(between * passes, axis=1)
    trunk = tf.concat([tf.zeros_like(total), -drop if from_foil else drop], axis=1)
    if from_foil:
        trunk += beyond[:, :1] - trunk[:, -1:]
        steps = tf.maximum((beyond[:, :-1] - beyond[:, 1:]) / above(total), least)
        between = tf.concat([between, steps], axis=1)
        end, trunk = beyond[:, -1:], tf.concat([trunk, beyond[:, 1:]], axis=1)
    else:
        missing = tf.reduce_sum(area * (mean - trunk), 1, keepdims=True)
        trunk += missing / above(tf.reduce_sum(area, 1, keepdims=True))
        end = trunk[:, :1]
    voxel = geometry.voxel_size_m[:, None]
    # Deviations belong to a current of 1 A/m2 in their plane.
    spread = tf.pad(1.0 / geometry.filling_density(), [[0, 0], [0, layers - reacting]])
    scaled = tf.cast(geometry.voxel_size_m, tf.float32)[:, None, None] * lattice.on_planes(spread)
    on_planes = lattice.on_planes(trunk)
    inside, reacts = (tf.cast(part > 0.0, tf.float32) for part in (conductivity, geometry.surface.area))
    return Conduction(
        between=between * voxel,
        end=end / above(total) * voxel,
        deviation=reacts * (tf.cast(at_surface, tf.float32) - on_planes) * scaled,
        through=tf.zeros_like(reacts),
        pattern=inside * (tf.cast(potential, tf.float32) - on_planes) * scaled,
    )


def parted_by_flow(geometry: "Geometry", liquid: Conduction, through: tf.Tensor) -> Conduction:
    """With the deviations parted into those of what flows into a plane and of what flows through it.

    Args:
        liquid: with both in one.
        through: (batch, row, z) float64, potential where a current flows from foil to metal, voxels.
    """
    lattice, filling, planes = geometry.lattice, geometry.plane_filling(), geometry.planes
    voxel, reacts = geometry.voxel_size_m[:, None], tf.cast(geometry.surface.area > 0.0, tf.float64)
    surface = geometry.at_surface(through)
    mean = geometry.plane_mean(surface)
    away = surface - tf.pad(mean, [[0, 0], [0, lattice.row - planes]])[:, None]
    away = tf.cast(reacts * away * voxel[..., None], tf.float32)
    passes = (tf.cumsum(filling, axis=1) - 0.5 * filling) / geometry.foil_faces / geometry.filling_density()
    reacting = geometry.plane_area() > 0.0

    def means(weights):
        """Of both parts, (batch, z)."""
        amount = lattice.plane_sums(weights)[:, :planes]
        known = reacting & (amount > 0.0)
        whole, part = (
            lattice.plane_sums(weights * tf.cast(potential, tf.float64))[:, :planes] / above(amount)
            for potential in (liquid.pattern, through)
        )
        part = tf.where(known, (part - mean) * voxel, 0.0)
        return tf.where(known, whole - part * passes, 0.0), part

    # The salt is where the electrolyte is, and moves where the current does.
    stored, stored_through = means(tf.cast(geometry.porosity, tf.float64))
    flowing, _ = means(_passing(geometry, through))
    return liquid._replace(
        deviation=liquid.deviation - away * lattice.on_planes(passes),
        through=away,
        stored=stored,
        stored_through=stored_through,
        flowing=flowing,
    )


def _passing(geometry: "Geometry", potential: tf.Tensor) -> tf.Tensor:
    """(batch, row, z) float64, what a potential drives through each voxel along z, either way."""
    lattice = geometry.lattice
    resistivity = tf.math.reciprocal_no_nan(tf.cast(geometry.ionic, tf.float64))
    ahead = lattice.ahead(resistivity, 0)
    joined = tf.cast((resistivity > 0.0) & (ahead > 0.0), tf.float64)
    face = joined * tf.abs(potential - lattice.ahead(potential, 0)) / above(resistivity + ahead)
    return face + lattice.behind(face, 0)


def rising(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The nearest values that don't fall: isotonic regression, least squares.

    By its minimax formula (Robertson, Wright and Dykstra 1988, Order Restricted Statistical Inference, 1.4):
    the largest of what begins no later, of the smallest of what ends no earlier, of the mean of a stretch.

    Args:
        values, weights: (batch, place) float64; weights above 0.

    Returns:
        (batch, place) float64.
    """
    count = tf.shape(values)[1]

    def stretches(parts):
        """(batch, first, last), sums."""
        sums = tf.cumsum(parts, axis=1)
        return sums[:, None, :] - (sums - parts)[:, :, None]

    first, last = tf.range(count)[:, None], tf.range(count)[None]
    infinite = tf.constant(np.inf, values.dtype)
    means = tf.where(last >= first, stretches(weights * values) / stretches(weights), infinite)
    # The smallest of all that end here or later: over 1, 2, 4 ... ends.
    _, means = tf.while_loop(
        lambda ends, means: ends < count,
        lambda ends, means: (
            2 * ends,
            tf.minimum(
                means, tf.pad(means[:, :, ends:], [[0, 0], [0, 0], [0, ends]], constant_values=np.inf)
            ),
        ),
        (1, means),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None, None])),
    )
    return tf.reduce_max(tf.where(last >= first, means, -infinite), axis=1)


def above(values: tf.Tensor) -> tf.Tensor:
    """Itself where above 0, else 1: a denominator."""
    return tf.where(values > 0.0, values, 1.0)
