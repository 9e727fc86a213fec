"""The reacting area on voxels against that of the spheres that the voxels stand for.

    python benchmarks/area.py                  table of some minutes
    python benchmarks/area.py --quick          0.5 and 0.25 um

Spheres packed as the generator packs them: touching (they overlap by 2 %), swollen by a tenth, shrunk until
they part; binder in the necks; cut by foil and separator.  The truth is counted on points of the spheres'
surfaces.
"""

import argparse

import numpy as np

from halfcell_checks.spheres import SpherePacking, crofton_m2
from tfmsnet.electrode import AM, CBD, ELECTROLYTE, Recipe
from tfmsnet.electrode.surface import am_faces, face_surface

CASES = {
    "touching, 85 wt%": (Recipe(85, 0, (24, 24, 48), seed=1), 1.0),
    "touching, 90 wt%": (Recipe(90, 0, (24, 24, 48), seed=2), 1.0),
    "touching, 95 wt%, calendered 20 %": (Recipe(95, 20, (24, 24, 48), seed=3), 1.0),
    "overlapping by 10 %": (Recipe(90, 10, (24, 24, 48), seed=4), 1.1),
    "apart by 3 %": (Recipe(90, 0, (24, 24, 48), seed=5), 0.97),
}


def rows(packing: SpherePacking, voxel_sizes_m: tuple[float, ...]):
    areas, cut = packing.free_areas_m2()
    pores, binder = areas.sum(axis=0)
    for h in voxel_sizes_m:
        image = packing.image(h)
        found = [am_faces(image.phase, phase) * h**2 for phase in (ELECTROLYTE, CBD)]
        top = face_surface(image.phase == AM).area[2][..., -1].sum(dtype=np.float64) * h**2
        by_sphere = packing.faces_by_sphere_m2(image)
        radius_voxels = np.median(packing.particles.radius_m) / h
        yield (
            f"{1e6 * h:5.3f} {radius_voxels:6.1f}",
            (sum(found) + top) / (pores + binder + cut),
            found[0] / pores,
            found[1] / binder,
            np.sqrt(np.average((by_sphere / areas.sum(axis=1) - 1) ** 2, weights=areas.sum(axis=1))),
            crofton_m2(image.phase == AM, h) / (pores + binder),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    quick = arguments.quick
    print(f"{'':34}{'um':>5} {'radius':>6}    all  pores binder | sphere by sphere | Crofton")
    for name, (recipe, swelling) in CASES.items():
        sizes = (0.5e-6, 0.25e-6) if quick else (0.5e-6, 0.25e-6, 0.125e-6)
        for label, *ratios, rms, crofton in rows(SpherePacking.make(recipe, swelling), sizes):
            shown = " ".join(f"{ratio:6.3f}" for ratio in ratios)
            print(f"{name:34}{label} {shown} | {100 * rms:6.1f} % rms     | {crofton:6.3f}", flush=True)


if __name__ == "__main__":
    main()
