"""The half-cell by finite elements on tetrahedra that follow the particles: an independent judge.

Nothing but the materials (`Parameters`) is shared with the simulator.  Needs gmsh and scikit-fem.
The equations are those of section 2 of doi:10.1016/j.ensm.2023.102927:

    F c_max dx/dt = div(F c_max D_s grad x)                                in AM
    div(sigma grad phi_s) = 0                                              in AM and CBD
    div i_l = 0,  i_l = -f kappa (grad phi_l - U_d grad ln c)              in pores, CBD and separator
    F eps dc/dt = div(F f D grad c - t+ i_l)                               in pores, CBD and separator

with the Butler-Volmer current j on the AM's surface and i_m at the lithium metal, all four as one system of
linear (or quadratic) elements, solved by Newton's method in every step of BDF2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import gmsh
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, gmres, splu
from skfem import (
    Basis,
    BilinearForm,
    Element,
    ElementTetP1,
    FacetBasis,
    LinearForm,
    MappingIsoparametric,
    MeshTet2,
)
from skfem.helpers import dot, grad

from tfmsnet.electrode import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.halfcell import Parameters

FARADAY = 96485.33212
GAS = 8.314462618
SEPARATOR = 3
_TOLERANCE = 1e-8  # of a Newton step, relative and in V
_EDGES_FINER = 6
_MIDDLES = [0, 1, 2, 3, 4, 5, 6, 7, 9, 8]  # gmsh has the middles of the last two edges the other way round
_FIRST = (0, 0.1, 0.2, 0.32, 0.45, 0.6, 0.78, 1)  # roots of the times of the first steps, over a frame's


@dataclass(frozen=True)
class Geometry:
    """AM spheres in a box, binder as a film on the foil and as balls around necks.

    Attributes:
        box_um: edges (x, y, z) of the electrode.
        spheres_um, balls_um: (n, 4) centre and radius of AM and binder, which may stick out of the box.
        film_um: thickness of the binder on the foil.
        separator_um: thickness of the separator.
    """

    box_um: tuple[float, float, float]
    spheres_um: np.ndarray
    balls_um: np.ndarray
    film_um: float
    separator_um: float

    def image(self, voxel_um: float) -> PhaseImage:
        """On voxels by their centres."""
        counts = [round(edge / voxel_um) for edge in self.box_um]
        place = (np.stack(np.indices(counts), -1) + 0.5) * voxel_um
        phase = np.where(place[..., 2] < self.film_um, CBD, ELECTROLYTE)
        for label, balls in ((CBD, self.balls_um), (AM, self.spheres_um)):
            for *middle, radius in balls:
                phase[np.linalg.norm(place - middle, axis=-1) < radius] = label
        return PhaseImage(phase.astype(np.uint8), voxel_um * 1e-6, calendering_percent=0.0)

    def mesh(self, size_um: float) -> tuple[MeshTet2, np.ndarray]:
        """Tetrahedra of about this size in the electrode, finer where phases meet, and the phase of each."""
        gmsh.initialize(interruptible=False)
        try:
            return self._mesh(size_um)
        finally:
            gmsh.finalize()

    def _mesh(self, size_um):
        gmsh.option.setNumber("General.Terminal", 0)
        x, y, z = self.box_um
        occ = gmsh.model.occ

        def box():
            return [(3, occ.addBox(0, 0, 0, x, y, z))]

        def union(parts):
            return occ.fuse(parts[:1], parts[1:])[0] if len(parts) > 1 else parts

        am = union([(3, occ.addSphere(*sphere)) for sphere in self.spheres_um])
        am = occ.intersect(am, box())[0]
        film = [(3, occ.addBox(0, 0, 0, x, y, self.film_um))]
        binder = union(film + [(3, occ.addSphere(*ball)) for ball in self.balls_um])
        binder = occ.cut(occ.intersect(binder, box())[0], am, removeTool=False)[0]
        pores = occ.cut(box(), am + binder, removeTool=False)[0]
        separator = [(3, occ.addBox(0, 0, z, x, y, self.separator_um))]
        groups = {AM: am, CBD: binder, ELECTROLYTE: pores, SEPARATOR: separator}
        parts = [part for group in groups.values() for part in group]
        _, pieces = occ.fragment(parts, [])
        occ.synchronize()
        label = {}
        for (phase, _), piece in zip(
            [(phase, part) for phase, group in groups.items() for part in group], pieces, strict=True
        ):
            label.update({tag: phase for _, tag in piece})

        def phases_at(edge):
            faces = gmsh.model.getAdjacencies(1, edge)[0]
            return {label[tag] for face in faces for tag in gmsh.model.getAdjacencies(2, face)[0]}

        field = gmsh.model.mesh.field
        sizes = [field.add("Box")]
        for name, value in {
            "VIn": size_um, "VOut": 3.0, "XMin": -1, "XMax": x + 1, "YMin": -1, "YMax": y + 1,
            "ZMin": -1, "ZMax": z, "Thickness": 12.0,
        }.items():  # fmt: skip
            field.setNumber(sizes[0], name, value)
        # Electrons crowd where AM, binder and pores meet.
        edges = [edge for _, edge in gmsh.model.getEntities(1) if {AM, CBD} <= phases_at(edge)]
        distance = field.add("Distance")
        field.setNumbers(distance, "CurvesList", edges)
        field.setNumber(distance, "Sampling", 200)
        sizes.append(field.add("Threshold"))
        for name, value in {
            "InField": distance, "SizeMin": size_um / _EDGES_FINER, "SizeMax": size_um,
            "DistMin": 0.0, "DistMax": size_um, "StopAtDistMax": 1,
        }.items():  # fmt: skip
            field.setNumber(sizes[-1], name, value)
        number = field.add("Min")
        field.setNumbers(number, "FieldsList", sizes)
        field.setAsBackgroundMesh(number)
        for name in ("FromPoints", "ExtendFromBoundary", "FromCurvature"):
            gmsh.option.setNumber(f"Mesh.MeshSize{name}", 0)
        gmsh.option.setNumber("Mesh.Optimize", 1)
        gmsh.model.mesh.generate(3)
        if not all(len(gmsh.model.mesh.getElements(3, tag)[0]) for tag in label):
            # Delaunay's algorithm leaves out volumes whose surface has invalid triangles.
            gmsh.model.mesh.clear()
            gmsh.option.setNumber("Mesh.Algorithm3D", 4)
            gmsh.model.mesh.generate(3)
        gmsh.model.mesh.setOrder(2)  # curved: flat facets would take percents off the spheres
        tags, points, _ = gmsh.model.mesh.getNodes()
        order = np.zeros(int(tags.max()) + 1, int)
        order[tags.astype(int)] = np.arange(len(tags))
        cells, phases = [], []
        for tag, phase in label.items():
            _, nodes = gmsh.model.mesh.getElementsByType(11, tag)
            cells.append(order[nodes.astype(int)].reshape(-1, 10)[:, _MIDDLES])
            phases.append(np.full(len(cells[-1]), phase))
        cells, phases = np.concatenate(cells), np.concatenate(phases)
        used, cells = np.unique(cells, return_inverse=True)
        return MeshTet2(points.reshape(-1, 3)[used].T * 1e-6, cells.reshape(-1, 10).T), phases


NINE_SPHERES = Geometry(
    box_um=(7.0, 7.0, 10.0),
    spheres_um=np.array(
        [
            [3.579, 6.834, 2.360, 1.960],
            [3.550, 3.357, 3.189, 1.725],
            [3.197, 3.161, 6.247, 1.455],
            [6.655, 2.422, 3.638, 1.650],
            [3.568, 0.221, 7.658, 1.929],
            [0.702, 2.129, 3.331, 1.475],
            [6.647, 0.051, 7.089, 1.303],
            [6.586, 2.562, 7.552, 1.330],
            [0.680, 3.993, 7.709, 1.666],
        ]
    ),
    balls_um=np.array(
        [
            [3.564, 4.981, 2.802, 0.9],
            [3.358, 3.250, 4.852, 0.9],
            [5.139, 2.878, 3.419, 0.9],
            [3.356, 1.903, 6.851, 0.9],
            [2.012, 2.693, 3.266, 0.9],
            [5.415, 0.119, 7.317, 0.9],
            [6.616, 1.293, 7.318, 0.9],
            [2.026, 3.548, 6.927, 0.9],
        ]
    ),
    film_um=1.0,
    separator_um=25.0,
)


@BilinearForm
def _stiffness(u, v, w):
    return w.k * dot(grad(u), grad(v))


@BilinearForm
def _mass(u, v, w):
    return w.k * u * v


@LinearForm
def _load(v, w):
    return w.k * v


@dataclass
class State:
    """Values at the nodes: DOL, potentials in V, salt in 1000 mol/m3; and the collector's voltage."""

    dol: np.ndarray
    solid_v: np.ndarray
    liquid_v: np.ndarray
    salt: np.ndarray
    voltage_v: float


class _Curved(MappingIsoparametric):
    """Curved elements; points within them are found to the rounding of micrometres, from their middles."""

    def invF(self, x, tind=None):
        place = np.full(x.shape, 0.25)
        for _ in range(50):
            change = np.einsum("ijkl,jkl->ikl", self.invDF(place, tind), x - self.F(place, tind))
            place = place + change
            if np.abs(change).max() < 1e-9:
                return place
        raise RuntimeError("no place found in a curved element; choose another size of elements")


class FiniteElements:
    """A half-cell on a mesh.

    Args:
        geometry: of the electrode.
        size_um: of its tetrahedra.
        parameters: the materials.
        element: of all fields.
    """

    def __init__(self, geometry: Geometry, size_um: float, parameters: Parameters, element: Element = None):
        self.geometry, self.parameters = geometry, parameters
        self.mesh, self.phase = mesh, phase = geometry.mesh(size_um)
        element = element or ElementTetP1()
        is_am, is_cbd = phase == AM, phase == CBD
        self.am, self.solid, self.liquid = (
            Basis(mesh, element, elements=np.flatnonzero(mask)) for mask in (is_am, is_am | is_cbd, ~is_am)
        )
        first, second = mesh.f2t
        inner = second >= 0
        self.reacting = np.flatnonzero(inner & (is_am[first] != is_am[np.where(inner, second, 0)]))
        top = mesh.p[2].max()
        metal = mesh.facets_satisfying(lambda p: p[2] > top - 1e-9, boundaries_only=True)
        # The trace of a continuous field is the same from both sides.
        mapping = _Curved(mesh, mesh.elem(), mesh.bndelem)
        self.surface = FacetBasis(mesh, element, facets=self.reacting, mapping=mapping)
        self.metal = FacetBasis(mesh, element, facets=metal, mapping=mapping)
        self.am_volume_m3 = float(self.am.dx.sum())
        self.area_m2 = float(self.surface.dx.sum())
        separator = parameters.separator_porosity**parameters.separator_bruggeman
        factor = np.select([is_cbd, phase == SEPARATOR], [parameters.cbd_transport_factor, separator], 1.0)
        porosity = np.select(
            [is_cbd, phase == SEPARATOR], [parameters.cbd_porosity, parameters.separator_porosity], 1.0
        )
        cbd_s_m = parameters.calendered_cbd_conductivity_s_m(0.0)
        sigma = np.where(is_cbd, cbd_s_m, parameters.am_conductivity_s_m)
        self._factor, porosity = (values[~is_am][:, None] for values in (factor, porosity))
        self._solid_matrix = _stiffness.assemble(self.solid, k=self._on(self.solid, sigma[is_am | is_cbd]))
        self._am_mass = _mass.assemble(self.am, k=self._on(self.am, np.ones(is_am.sum())))
        self._salt_mass = _mass.assemble(self.liquid, k=self._on(self.liquid, porosity[:, 0]))
        self._index()

    @staticmethod
    def _on(basis, values):
        return np.broadcast_to(values[:, None], basis.dx.shape)

    def _index(self):
        """Unknowns: DOL in the AM, potential of the solid, of the liquid, salt; the foil's nodes as one."""
        dofs = [np.unique(basis.element_dofs) for basis in (self.am, self.solid, self.liquid, self.liquid)]
        nodes = self.am.N
        self._foil = dofs[1][self.am.doflocs[2, dofs[1]] < 1e-12]
        dofs[1] = np.setdiff1d(dofs[1], self._foil)
        rows = np.concatenate([own + field * nodes for field, own in enumerate(dofs)])
        self._collector = len(rows)
        columns = np.append(np.arange(len(rows)), np.full(len(self._foil), self._collector))
        rows = np.append(rows, self._foil + nodes)
        # Nodes' values of all fields from the unknowns.
        self._spread = sparse.csr_matrix(
            (np.ones(len(rows)), (rows, columns)), (4 * nodes, self._collector + 1)
        )
        self._factored = None

    def start(self) -> State:
        """At equilibrium."""
        count, parameters = self.am.N, self.parameters
        voltage = float(parameters.open_circuit_v(parameters.initial_dol))
        return State(
            np.full(count, parameters.initial_dol),
            np.full(count, voltage),
            np.zeros(count),
            np.full(count, parameters.initial_salt_mol_m3 / 1000),
            voltage,
        )

    def one_c_a(self) -> float:
        """The current that fills the AM from its initial DOL in an hour."""
        parameters = self.parameters
        return FARADAY * parameters.c_max_mol_m3 * (1 - parameters.initial_dol) * self.am_volume_m3 / 3600

    def walk(self, segments: list[tuple[float, float]], frame_s: float) -> Iterator[State]:
        """States at the frames under segments of (C-rate, seconds), the start's included.

        A frame is a step, but for the first one of a segment, which takes 7 growing ones.
        """
        state = self.start()
        yield state
        for c_rate, seconds in segments:
            before, last = None, None
            for frame in range(round(seconds / frame_s)):
                for step in np.diff(np.array((0, 1) if frame else _FIRST) ** 2) * frame_s:
                    state, before, last = self.step(state, before, step, last, c_rate), state, step
                yield state

    def step(self, state: State, before: State | None, step: float, last: float, c_rate: float) -> State:
        """One step of BDF2, or backward Euler where there is no state before."""
        if before is None:
            weights, older = (1 / step, -1 / step, 0.0), state
        else:
            ratio = step / last
            new, old = (1 + 2 * ratio) / (1 + ratio), -(1 + ratio)
            weights, older = (new / step, old / step, -(new + old) / step), before
        history = [
            weights[1] * a + weights[2] * b for a, b in ((state.dol, older.dol), (state.salt, older.salt))
        ]
        current = c_rate * self.one_c_a()
        fields = np.concatenate([state.dol, state.solid_v, state.liquid_v, state.salt])
        for _ in range(30):
            residual, jacobian = self._system(fields, weights[0], history, current)
            change = self._solve(jacobian, -residual)
            moved = self._spread @ change
            # No iterate leaves what is physical.
            parts = np.split(moved, 4)
            limit = min(1.0, 0.1 / max(np.abs(parts[0]).max(), 1e-9), 0.3 / max(np.abs(parts[3]).max(), 1e-9))
            fields = fields + limit * moved
            if limit == 1 and np.abs(moved).max() < _TOLERANCE:
                break
        else:
            raise RuntimeError(f"no convergence; last change {np.abs(moved).max():g}")
        dol, solid, liquid, salt = np.split(fields, 4)
        return State(dol, solid, liquid, salt, float(solid[self._foil[0]]))

    def _system(self, fields, weight, history, current):
        """Residual and Jacobian of the unknowns, in A."""
        parameters, f = self.parameters, self._factor
        dol, solid, liquid, salt = np.split(fields, 4)
        storage = FARADAY * parameters.c_max_mol_m3
        x = self.am.interpolate(dol).value
        diffusivity = np.maximum(parameters.solid_diffusivity(x), parameters.solid_diffusivity_floor_m2_s)
        diffusion = _stiffness.assemble(self.am, k=storage * diffusivity)
        r_dol = diffusion @ dol + storage * self._am_mass @ (weight * dol + history[0])
        j_dol = diffusion + storage * weight * self._am_mass

        y = self.liquid.interpolate(salt).value
        thermal = GAS * parameters.temperature_k / FARADAY
        transference = parameters.transference_number(y)
        kappa = f * parameters.salt_conductivity(y)
        gain = 2 * thermal * parameters.thermodynamic_factor(y) * (1 - transference)
        spread = f * 1000 * FARADAY * parameters.salt_diffusivity(y)
        # Of grad phi_l and grad y in the charge's balance, and in the salt's.
        charge = [_stiffness.assemble(self.liquid, k=k) for k in (kappa, -kappa * gain / y)]
        ions = [
            _stiffness.assemble(self.liquid, k=k)
            for k in (transference * kappa, spread - transference * kappa * gain / y)
        ]
        salt_mass = 1000 * FARADAY * self._salt_mass
        r_liquid = charge[0] @ liquid + charge[1] @ salt
        r_salt = ions[0] @ liquid + ions[1] @ salt + salt_mass @ (weight * salt + history[1])
        r_solid = self._solid_matrix @ solid

        flow, by_volt, by_dol, by_salt = self._butler_volmer(
            *(self.surface.interpolate(part).value for part in (dol, solid, liquid, salt))
        )
        load = _load.assemble(self.surface, k=flow)
        volt, of_dol, of_salt = (_mass.assemble(self.surface, k=k) for k in (by_volt, by_dol, by_salt))
        metal, metal_slope = self._metal_current(self.metal.interpolate(liquid).value)
        supply = _load.assemble(self.metal, k=metal)
        by_liquid = _mass.assemble(self.metal, k=metal_slope)

        residual = self._spread.T @ np.concatenate(
            [r_dol + load, r_solid + load, r_liquid - load - supply, r_salt - load - supply]
        )
        residual[self._collector] += current
        jacobian = sparse.bmat(
            [
                [j_dol + of_dol, volt, -volt, of_salt],
                [of_dol, self._solid_matrix + volt, -volt, of_salt],
                [-of_dol, -volt, charge[0] + volt - by_liquid, charge[1] - of_salt],
                [-of_dol, -volt, ions[0] + volt - by_liquid, ions[1] + weight * salt_mass - of_salt],
            ]
        )
        return residual, (self._spread.T @ jacobian @ self._spread).tocsc()

    def _equilibrium(self, dol):
        """Open-circuit potential, V, and its slope."""
        open_circuit_v = self.parameters.open_circuit_v
        return open_circuit_v(dol), open_circuit_v.slope(dol)

    def _butler_volmer(self, dol, solid, liquid, salt):
        """Current from solid to electrolyte, A/m2, and its derivatives by volt, DOL and salt."""
        parameters = self.parameters
        volt = parameters.temperature_k * GAS / FARADAY
        anodic, cathodic = parameters.anodic_transfer_coefficient, parameters.cathodic_transfer_coefficient
        c_max = parameters.c_max_mol_m3
        exchange = (
            FARADAY
            * parameters.reaction_rate_m2p5_s_mol0p5
            * (1000 * salt * c_max * (1 - dol)) ** anodic
            * (c_max * dol) ** cathodic
        )
        equilibrium, slope = self._equilibrium(dol)
        eta = (solid - liquid - equilibrium) / volt
        forth, back = np.exp(anodic * eta), np.exp(-cathodic * eta)
        flow, by_volt = exchange * (forth - back), exchange * (anodic * forth + cathodic * back) / volt
        by_dol = flow * (cathodic / dol - anodic / (1 - dol)) - by_volt * slope
        return flow, by_volt, by_dol, flow * anodic / salt

    def _metal_current(self, liquid):
        """Current from the lithium metal into the electrolyte, A/m2, and its derivative by phi_l."""
        parameters = self.parameters
        volt = 2 * parameters.temperature_k * GAS / FARADAY
        twice, film = 2 * parameters.lithium_exchange_current_a_m2, parameters.sei_resistance_ohm_m2
        current = -liquid / (volt / twice + film)
        for _ in range(20):
            slope = volt / np.hypot(current, twice) + film
            current = current - (volt * np.arcsinh(current / twice) + film * current + liquid) / slope
        return current, -1 / (volt / np.hypot(current, twice) + film)

    def _solve(self, jacobian, right):
        """By an older factorisation where that still converges."""
        scale = 1 / np.abs(jacobian).max(axis=1).toarray().ravel()
        jacobian, right = sparse.diags(scale) @ jacobian, scale * right
        if self._factored is not None:
            weights, factors = self._factored
            inner = LinearOperator(jacobian.shape, lambda v: factors.solve(weights * v))
            found, failed = gmres(
                sparse.diags(1 / scale) @ jacobian, right / scale, M=inner, rtol=1e-7, restart=25, maxiter=1
            )
            if not failed:
                return found
        self._factored = scale, splu(jacobian.tocsc())
        return self._factored[1].solve(right)

    def plane_means(self, state: State, edges_m: np.ndarray) -> np.ndarray:
        """(layer,) mean DOL of the AM between planes z = edges."""
        x = self.am.interpolate(state.dol).value
        z = self.am.global_coordinates().value[2]
        layer = np.digitize(z, edges_m) - 1
        volume = np.bincount(layer.ravel(), self.am.dx.ravel(), len(edges_m))
        total = np.bincount(layer.ravel(), (x * self.am.dx).ravel(), len(edges_m))
        return total[: len(edges_m) - 1] / volume[: len(edges_m) - 1]
