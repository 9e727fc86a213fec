"""What a served model says of itself: signatures.json for programs, MODEL_CARD.md for people."""

import json
from dataclasses import asdict

from tfmsnet.evaluation.tables import HEADLINE, Column, number
from tfmsnet.fields import FIELDS
from tfmsnet.predictors.config import NetworkConfig, describe_network
from tfmsnet.predictors.description import DESCRIPTION
from tfmsnet.predictors.description import ERRORS as DESCRIBED_ERRORS
from tfmsnet.predictors.domain import smallest_edge
from tfmsnet.predictors.store import described_network
from tfmsnet.references.registry import REDUCED
from tfmsnet.serving.quantities import LABELS, LARGEST_C_RATE, SMALLEST_C_RATE, Signature
from tfmsnet.serving.reduced_endpoints import SMALLEST_EDGE
from tfmsnet.serving.reduced_scores import table

SIGNATURES = "signatures.json"
MODEL_CARD = "MODEL_CARD.md"
FORMAT = 1
ERRORS = "INVALID_ARGUMENT (REST: 400), with a message that names the input, what was expected and what came"


def documents(
    description: dict,
    signatures: dict[str, Signature],
    max_voxels: int,
    max_gib: float,
    versions: dict[str, str],
) -> dict[str, str]:
    """File name -> text of the files in assets/.

    Args:
        description: the content of surrogate.json, of a network or (with "reference") a reduced model.
        signatures: what the model answers.
        max_voxels: most voxels of a request.
        max_gib: most memory of an answer, GiB.
        versions: of the software that exports.
    """
    reduced = "reference" in description
    smallest = SMALLEST_EDGE if reduced else smallest_edge(description["network"]["scales"])
    limits = {
        "max_voxels": max_voxels,
        "max_gib": max_gib,
        "smallest_edge_voxels": smallest,
        "smallest_c_rate": SMALLEST_C_RATE,
        "largest_c_rate": LARGEST_C_RATE,
        "refused_with": ERRORS,
    }
    metadata = {
        "format": FORMAT,
        "labels": {str(label): name for label, name in LABELS.items()},
        "axes": "(batch, frame, x, y, z); z = 0 at the foil, the last z plane at the separator",
        "voxel_size_m": description.get("voxel_size_m"),
        "limits": limits,
        "signatures": {name: signature.as_dict() for name, signature in signatures.items()},
        "versions": versions,
    }
    return {
        DESCRIPTION: json.dumps(description, indent=1) + "\n",
        SIGNATURES: json.dumps(metadata, indent=1, ensure_ascii=False) + "\n",
        MODEL_CARD: "\n".join(
            [
                *(_reduced_lines if reduced else _network_lines)(description, limits),
                *_signature_lines(signatures),
                "",
                f"Other input is refused with {ERRORS}.",
                "",
                "## Versions",
                "",
                *(f"- {name} {version}" for name, version in versions.items()),
                "",
            ]
        ),
    }


def _reduced_lines(description: dict, limits: dict) -> list[str]:
    return [
        "# Discharge of a lithium-ion cathode from its phase image",
        "",
        f"A reduced physical model ({description['reference']}, see docs/references.md of tfmsnet) without a "
        "network: both fields at every voxel of a half-cell under a load, and its voltage. "
        "Images have voxels of any size (input `voxel_size_m`), at least "
        f"{limits['smallest_edge_voxels']} along each edge and at most {limits['max_voxels']} in a request.",
        "",
        "## The cell",
        "",
        f"Its parameters are inputs; where a request leaves one out it is that of `{DESCRIPTION}` "
        "(parameters). Functions are tables of three rows: x, y and dy/dx; tfmsnet's client makes them.",
        "",
        "## How good it is",
        "",
        "Errors against the simulator, median (worst), on sets that it wasn't made with, of half-cells of "
        "NMC111. VRMSE: of a frame over its own spatial standard deviation, median over the frames of a "
        "discharge; 1 is a uniform field. Every answer says how far off it may be (nine of ten are to be "
        "nearer); the last columns are the shares for which that held.",
        "",
        *table(description["reference"]),
        "",
        "## What it is not for",
        "",
        "Connectivity isn't checked: an image in which no ions or electrons get through ends at its first "
        "frame (`valid_frames` is 1).",
        "",
        "## Signatures",
    ]


def _of_reference(network: NetworkConfig) -> str:
    """What it has from the reduced model that it starts from."""
    if network.reference not in REDUCED:
        return ""
    left = " and ".join(name for name in network.answers if name not in network.fields)
    return f", as the deviation from `{network.reference}`" + (f", whose {left} it keeps" if left else "")


def _network_lines(description: dict, limits: dict) -> list[str]:
    network, voxel = described_network(description, DESCRIPTION), description["voxel_size_m"]
    values = ", ".join(f"{name} {value}" for name, value in asdict(network.options).items())
    return [
        "# Discharge of a lithium-ion cathode from its phase image",
        "",
        f"A 3D convolutional network ({describe_network(network)}, {network.scales} scales, {values}), after "
        f"doi:10.1016/j.ensm.2023.102927, with the state `{network.state}`. It predicts "
        f"{' and '.join(network.fields)} at every voxel of a half-cell under a load"
        f"{_of_reference(network)}, and its voltage. Images have voxels of {_edges(voxel)}, at least "
        f"{limits['smallest_edge_voxels']} along each edge and at most {limits['max_voxels']} in a request.",
        "",
        "## What it was trained on",
        "",
        *_domain_lines(description.get("domain")),
        "",
        "## How good it is",
        "",
        *_score_lines(description.get("scores")),
        "",
        *_error_lines(description, network.answers),
        "",
        "## What it is not for",
        "",
        f"Another chemistry or temperature than that of `{DESCRIPTION}` (parameters), other voxel sizes, "
        "images that lie outside of the ranges above: the numbers that come are then extrapolated. "
        "Connectivity isn't checked: an image in which AM or CBD isn't joined to the foil has no solution, "
        "but gets an answer.",
        "",
        "## Signatures",
    ]


def _edges(voxel_size_m: float | None) -> str:
    return "several sizes (input `voxel_size_m`)" if voxel_size_m is None else f"{voxel_size_m * 1e6:g} um"


def _signature_lines(signatures: dict[str, Signature]) -> list[str]:
    lines = []
    for name, signature in signatures.items():
        lines += ["", f"### {name}", "", f"{signature.purpose[0].upper()}{signature.purpose[1:]}.", ""]
        lines += ["| | name | dtype | shape | unit | meaning |", "|---|---|---|---|---|---|"]
        for side, quantities in (("in", signature.inputs), ("out", signature.outputs)):
            for q in quantities:
                shape = ", ".join(map(str, q.axes))
                meaning = f"{q.meaning} ({q.values})" if q.values else q.meaning
                lines.append(f"| {side} | `{q.name}` | {q.dtype} | ({shape}) | {q.unit} | {meaning} |")
    return lines


def _score_lines(scores: dict | None) -> list[str]:
    """The headline of a report, see `tfmsnet.evaluation.report.read_headline`."""
    if not scores:
        return ["Not recorded: `tfmsnet evaluate` measures it, `tfmsnet export --report` writes it here."]
    lines = ["Median (worst) over held-out discharges, beside what needs no network:", ""]
    lines += [
        f"| | | {' | '.join(column.title for column in HEADLINE)} |",
        "|---" * (len(HEADLINE) + 2) + "|",
    ]
    for load, by_name in scores.items():
        for name, found in by_name.items():
            cells = [_cell(found[column.key], column) for column in HEADLINE if column.key in found]
            lines.append(f"| {load} | {name} | {' | '.join(cells)} |")
    return lines


def _error_lines(description: dict, answers: tuple[str, ...]) -> list[str]:
    """See `tfmsnet.serving.calibration`."""
    errors = description.get(DESCRIBED_ERRORS)
    if not errors:
        finds = " `tfmsnet calibrate` finds it." if len(answers) == len(FIELDS) else ""
        return [f"How far off an answer may be isn't known.{finds}"]
    return [
        "Nine of ten answers, for electrodes and loads like those that this was found with, are to be within "
        f"{1e3 * errors['voltage_v']:.2g} mV (the curve, root mean square) and a VRMSE of "
        f"{errors['concentration_vrmse']:.2g} (the concentration, median over the frames) of the simulator: "
        f"of {errors['samples']} discharges of {errors['geometries']} electrodes that it wasn't trained on."
    ]


def _cell(found: dict, column: Column) -> str:
    if found["median"] is None:
        return "-"
    return " ".join(
        text.format(number(found[key] * column.factor, column.rounding))
        for key, text in (("median", "{}"), ("worst", "({})"))
    )


def _domain_lines(domain: dict | None) -> list[str]:
    if not domain:
        return ["Not recorded."]
    lines = [f"- {domain['samples']} discharges of {domain['geometries']} electrodes"]
    for name, (low, high) in domain["ranges"].items():
        lines.append(f"- {name}: {low:.3g} to {high:.3g}")
    return lines
