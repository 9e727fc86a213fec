"""What a data set of records holds, for the terminal and for programs."""

from tfmsnet.records.manifest import Manifest

# More loads, frames or grids than these are only counted.
_SHOWN = 12
COLUMNS = ("minimum", "maximum", "mean", "std", "level_rms", "pattern_rms")


def table(manifest: Manifest) -> str:
    """Splits, sizes, loads and statistics of a data set, as lines of text."""
    lines = [f"{'split':<12}{'samples':>8}{'geometries':>12}{'shards':>8}{'MB':>9}  loads, frames, grids"]
    for split, shards in manifest.splits.items():
        samples = manifest.samples(split)
        size = sum(shard["bytes"] for shard in shards) / 1e6
        geometries = len({sample["geometry_id"] for sample in samples})
        lines.append(
            f"{split:<12}{len(samples):>8}{geometries:>12}{len(shards):>8}{size:>9.1f}  {_loads(samples)}"
        )
    lines += [
        "",
        f"voxel size {_voxels(manifest)} um, compression {manifest.compression or 'none'}, "
        f"schema version {manifest.schema_version}",
        "",
        f"{'training field':<16}" + "".join(f"{name.replace('_', ' '):>12}" for name in COLUMNS),
    ]
    for field, unit in (
        ("concentration", "mol/m3; level and pattern of the deviation from the 0-D cell: DOL per C"),
        ("potential", "V; level and pattern: V per C"),
    ):
        s = manifest.statistics[field]
        lines.append(f"{field:<16}" + "".join(f"{s[name]:>12.5g}" for name in COLUMNS) + f"  {unit}")
    if manifest.reference:
        lines += ["", f"with the answers of {manifest.reference['name']}; deviations from it"]
        for field, s in manifest.reference["statistics"].items():
            lines.append(f"{field:<16}{'':>48}" + "".join(f"{s[name]:>12.5g}" for name in COLUMNS[4:]))
    return "\n".join(lines)


def _voxels(manifest: Manifest) -> str:
    """Their edge, or the smallest and the largest."""
    if manifest.voxel_size_m is not None:
        return f"{manifest.voxel_size_m * 1e6:g}"
    edges = [sample["voxel_size_m"] * 1e6 for split in manifest.splits for sample in manifest.samples(split)]
    return f"{min(edges):g} to {max(edges):g}"


def summary(manifest: Manifest) -> dict:
    """The same for JSON: samples of each split, voxels, statistics, reference."""
    return {
        "splits": {
            split: {"shards": [shard["file"] for shard in shards], "samples": manifest.samples(split)}
            for split, shards in manifest.splits.items()
        },
        "voxel_size_m": manifest.voxel_size_m,
        "compression": manifest.compression,
        "schema_version": manifest.schema_version,
        "statistics": manifest.statistics,
        "reference": manifest.reference,
    }


def _loads(samples: list[dict]) -> str:
    labels = {sample.get("load", f"{sample['c_rate']:g}C"): sample["c_rate"] for sample in samples}
    loads = sorted(labels, key=lambda label: (labels[label], label))
    frames = [str(n) for n in sorted({sample["frames"] for sample in samples})]
    grids = ["x".join(map(str, g)) for g in sorted({tuple(s["grid"]) for s in samples})]
    return f"{_some(loads)}; {_some(frames)} frames; {_some(grids)}" if samples else "-"


def _some(items: list[str]) -> str:
    """All of a few, the ends of many."""
    return ", ".join(items) if len(items) <= _SHOWN else f"{items[0]} to {items[-1]} ({len(items)})"
