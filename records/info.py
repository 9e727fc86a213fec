"""What a data set of records holds, as a table for the terminal."""

from tfmsnet.records.manifest import Manifest


def table(manifest: Manifest) -> str:
    """Splits, sizes, loads and statistics of a data set, as lines of text."""
    lines = [f"{'split':<12}{'samples':>8}{'geometries':>12}{'shards':>8}{'MB':>9}  C-rates, frames, grids"]
    for split, shards in manifest.splits.items():
        samples = manifest.samples(split)
        size = sum(shard["bytes"] for shard in shards) / 1e6
        geometries = len({sample["geometry_id"] for sample in samples})
        lines.append(
            f"{split:<12}{len(samples):>8}{geometries:>12}{len(shards):>8}{size:>9.1f}  {_loads(samples)}"
        )
    lines += [
        "",
        f"voxel size {manifest.voxel_size_m * 1e6:g} um, compression {manifest.compression or 'none'}, "
        f"schema version {manifest.schema_version}",
        "",
        f"{'training field':<16}{'minimum':>12}{'maximum':>12}{'mean':>12}{'std':>12}{'deviation rms':>16}",
    ]
    for field, unit, deviation in (
        ("concentration", "mol/m3", "of DOL per C"),
        ("potential", "V", "V per C"),
    ):
        s = manifest.statistics[field]
        lines.append(
            f"{field:<16}{s['minimum']:>12.6g}{s['maximum']:>12.6g}{s['mean']:>12.6g}{s['std']:>12.4g}"
            f"{s['deviation_rms']:>16.4g}  {unit}; deviation from the 0-D cell: {deviation}"
        )
    return "\n".join(lines)


def _loads(samples: list[dict]) -> str:
    rates = ", ".join(f"{rate:g}C" for rate in sorted({sample["c_rate"] for sample in samples}))
    frames = ", ".join(str(n) for n in sorted({sample["frames"] for sample in samples}))
    grids = ", ".join("x".join(map(str, g)) for g in sorted({tuple(s["grid"]) for s in samples}))
    return f"{rates}; {frames} frames; {grids}" if samples else "-"
