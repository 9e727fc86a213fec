"""What MkDocs is given beside docs/: the repository's other texts, and the API from its docstrings."""

import re
import shutil
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
PAGES = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "format.md": "records/FORMAT.md",
}
# What the API shows: packages by their __all__, and modules of which everything public is meant.
API = {
    "tfmsnet": ("tfmsnet.api", "tfmsnet.errors", "tfmsnet.load", "tfmsnet.fields"),
    "tfmsnet.electrode": ("tfmsnet.electrode", "tfmsnet.electrode.generate", "tfmsnet.electrode.describe"),
    "tfmsnet.materials": ("tfmsnet.materials",),
    "tfmsnet.halfcell": ("tfmsnet.halfcell", "tfmsnet.halfcell.simulate"),
    "tfmsnet.references": ("tfmsnet.references", "tfmsnet.references.registry"),
    "tfmsnet.records": ("tfmsnet.records", "tfmsnet.records.ingest"),
    "tfmsnet.campaign": ("tfmsnet.campaign",),
    "tfmsnet.networks": ("tfmsnet.networks", "tfmsnet.networks.registry"),
    "tfmsnet.predictors": ("tfmsnet.predictors",),
    "tfmsnet.training": ("tfmsnet.training",),
    "tfmsnet.evaluation": ("tfmsnet.evaluation",),
    "tfmsnet.plots": (
        *("tfmsnet.plots.slices", "tfmsnet.plots.curves", "tfmsnet.plots.film", "tfmsnet.plots.scene"),
        *("tfmsnet.plots.paraview", "tfmsnet.plots.electrode"),
    ),
    "tfmsnet.serving": ("tfmsnet.serving", "tfmsnet.serving.local"),
    "tfmsnet.tuning": ("tfmsnet.tuning",),
}


def on_startup(command, dirty):
    """mkdocstrings drops a search path that isn't there before on_config of a hook."""
    (ROOT / "build" / "api").mkdir(parents=True, exist_ok=True)


def on_config(config):
    """Lay the package out as it is installed: records and tuning are folders of their own here."""
    package = ROOT / "build" / "api" / "tfmsnet"
    shutil.rmtree(package, ignore_errors=True)
    places = {"tfmsnet": package, "records": package / "records", "tuning": package / "tuning"}
    for source, place in places.items():
        shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
    config.nav[-2] = {"API": [f"api/{package}.md" for package in API]}
    return config


def on_files(files, config):
    """Add the pages."""
    for name, source in PAGES.items():
        files.append(File.generated(config, name, content=_relinked((ROOT / source).read_text(), source)))
    for package, modules in API.items():
        blocks = "\n\n".join(f"::: {module}" for module in modules)
        files.append(File.generated(config, f"api/{package}.md", content=f"# {package}\n\n{blocks}\n"))
    return files


def on_page_markdown(markdown, page, config, files):
    """Lead links of docs/ that leave it to the pages above."""
    if page.file.src_uri in PAGES or page.file.src_uri.startswith("api/"):
        return markdown
    return _relinked(markdown, f"docs/{page.file.src_uri}")


def _relinked(markdown: str, source: str) -> str:
    """Links of a text of the repository, as its page on the site has them; others that leave the site end."""
    pages = {path: name for name, path in PAGES.items()}
    folder = (ROOT / source).parent

    def replace(match: re.Match) -> str:
        text, target = match[1], "".join(match[2].split())
        path, sharp, anchor = target.partition("#")
        if "://" in target or not path:
            return f"[{text}]({target})"
        found = (folder / path).resolve().relative_to(ROOT.resolve()).as_posix()
        if found in pages:
            return f"[{text}]({pages[found]}{sharp}{anchor})"
        if found.startswith("docs/"):
            return f"[{text}]({found.removeprefix('docs/')}{sharp}{anchor})"
        return f"{text} (`{found}`)"

    return re.sub(r"\[([^\]]*)\]\(([^)]+)\)", replace, markdown)
