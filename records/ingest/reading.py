"""How the files of a finite-element program are to be read."""

from dataclasses import dataclass, field

from tfmsnet.electrode.image import check_voxel_size
from tfmsnet.records.ingest.domains import Domains
from tfmsnet.records.ingest.quantity import Quantity


@dataclass(frozen=True)
class Reading:
    """What is wanted of a file, and in which units it is.

    Attributes:
        concentration, potential: lithium in the AM and potential of the solid, as the file calls them.
        domain: what holds the numbers of domains: a column, or an array of the cells; None: there is none.
        domains: which of them is which phase.
        voxel_size_m: edge of the voxels, m.
        box_m: (x0, x1, y0, y1, z0, z1), m, what is voxelised; None takes the extent of the nodes.
        length_unit: of coordinates; None takes what the file says, or metres where it doesn't.
        time_unit: of times.
        c_max_mol_m3: turns a degree of lithiation (unit "1") to a concentration.
    """

    concentration: Quantity
    potential: Quantity
    domain: str | None = None
    domains: Domains = field(default_factory=Domains)
    voxel_size_m: float = 0.5e-6
    box_m: tuple[float, float, float, float, float, float] | None = None
    length_unit: str | None = None
    time_unit: str = "s"
    c_max_mol_m3: float = 48207.0

    def __post_init__(self) -> None:
        check_voxel_size("voxel_size_m", self.voxel_size_m)

    def factors(self, concentration_unit: str | None, potential_unit: str | None) -> tuple[float, float]:
        """mol/m3 and V per unit of the file, which says these units (None: it doesn't)."""
        return (
            self.concentration.concentration_factor(concentration_unit, self.c_max_mol_m3),
            self.potential.potential_factor(potential_unit),
        )
