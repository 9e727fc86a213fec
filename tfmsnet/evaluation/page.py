"""A report as one HTML page, and the pictures in it."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import tfmsnet
from tfmsnet.evaluation.candidates import Fields
from tfmsnet.evaluation.scores import Scores
from tfmsnet.evaluation.tables import DETAILS, HEADLINE, Column, Tables, number
from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample

# Slices are drawn for at most so many loads.
_SLICED_LOADS = 3


class Pictures:
    """Draws while the samples pass by, so that none has to be kept.

    Args:
        models: names of those to be drawn; the first is the one that is judged.
        folder: of the report.

    Attributes:
        made: file name -> caption and content, in the order of the page.
    """

    def __init__(self, models: Iterable[str], folder: Path) -> None:
        self.models, self.folder = tuple(models), folder
        self.made: dict[str, tuple[str, bytes]] = {}
        self._sliced: set[str] = set()

    def look(self, sample: Sample, predicted: Mapping[str, Fields]) -> None:
        """Draw the models on the first sample under each load: which one isn't chosen by its score."""
        from tfmsnet.plots.film import write_animation
        from tfmsnet.plots.slices import slice_figure

        load, judged = sample.load_name, self.models[0]
        if not self._sliced:
            path = self.folder / "discharge.gif"
            write_animation(sample, predicted[judged], path, judged)
            caption = f"The discharge of {sample.geometry_id} under {load}."
            self.made[path.name] = (caption, path.read_bytes())
        self._sliced.add(load)
        for field in FIELDS:
            having = {m: predicted[m] for m in self.models if getattr(predicted[m], field) is not None}
            if having:
                caption = (
                    f"{field.capitalize()} in the middle plane of {sample.geometry_id} under {load}, the "
                    "first held-out sample under this load; the range of colours is the simulated field's."
                )
                figure = slice_figure(sample, having, field)
                file = f"slices_{field}_{load}.png".replace(" ", "-")
                self._keep(file, caption, figure)

    def wants(self, sample: Sample) -> bool:
        """Whether the sample is one to be drawn."""
        return sample.load_name not in self._sliced and len(self._sliced) < _SLICED_LOADS

    def finish(self, tables: Tables) -> None:
        """Draw what needs all scores, and bring everything into the page's order."""
        from tfmsnet.evaluation import figures

        slices, self.made = self.made, {}
        cases, medians = tables.cases, "Medians over the held-out samples under each load."
        self._keep(
            "mean_error.png",
            "Error of the mean over the frames, the measure of Marcato et al. 2023: a uniform field (0-D "
            f"cell) has none in the concentration. {medians}",
            figures.mean_error_figure(cases),
        )
        for field in FIELDS:
            self.made |= {name: made for name, made in slices.items() if name.startswith(f"slices_{field}")}
        self._draw_curves(cases)
        self._keep(
            "contestants.png",
            "All predictors: a point is a held-out sample, the large ones are medians; lower left is better.",
            figures.contestants_figure(cases),
        )
        self._keep("vrmse.png", f"VRMSE over the frames. {medians}", figures.vrmse_figure(cases))
        self._keep(
            "pattern.png",
            f"Pattern error over the frames: VRMSE without the error of the mean. {medians}",
            figures.pattern_figure(cases),
        )
        self.made |= slices

    def _draw_curves(self, cases: Iterable[Scores]) -> None:
        from tfmsnet.evaluation.figures import curve_figure

        for place, model in enumerate(self.models):
            own = [case for case in cases if case.model == model and case.curve is not None]
            if own:
                name = f"curves_{place}.png" if place else "curves.png"
                self._keep(name, f"Discharge curves, {model}.", curve_figure(own))

    def _keep(self, name: str, caption: str, figure) -> None:
        from tfmsnet.plots.style import png

        content = png(figure)
        (self.folder / name).write_bytes(content)
        self.made[name] = (caption, content)


_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: #1b1b1b;
  background: #fff; max-width: 1240px; margin: 2.5em auto; padding: 0 1.5em; }
h1 { font-size: 1.7em; margin: 0 0 .1em; } h2 { font-size: 1.25em; margin: 2em 0 .4em; }
.sub { color: #666; margin: 0 0 1.4em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums;
  margin: .6em 0 1.2em; }
th, td { padding: .28em .5em; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 1.5px solid #333; font-weight: 600; white-space: normal; vertical-align: bottom; }
tr.rate td { font-weight: 600; padding-top: .9em; border-bottom: 1px solid #ccc; }
tr.model { background: #f1f5fa; }
td.best { font-weight: 700; } td.beats { color: #a33c00; }
td span { color: #777; font-weight: 400; }
.verdict { border-left: 4px solid #009e73; background: #f1f9f6; padding: .7em 1.1em; margin: 1em 0; }
.verdict.lost { border-color: #d55e00; background: #fdf4ee; }
.verdict p { margin: 0; } .verdict ul { margin: .4em 0 0; padding-left: 1.3em; }
figure { margin: 1em 0 1.8em; } figcaption { color: #444; font-size: 13.5px; margin-bottom: .4em; }
figure img { max-width: 100%; height: auto; }
dl { font-size: 13.5px; display: grid; grid-template-columns: max-content auto; gap: .2em 1.2em; }
dt { font-weight: 600; } dd { margin: 0; }
details summary { cursor: pointer; font-weight: 600; margin: .6em 0; }
"""

_MEANING = {
    "VRMSE": "root-mean-square error over the field's own phase, in standard deviations of the true frame: "
    "1 is no better than the frame's true mean everywhere",
    "pattern": "the same once the error of the mean is taken away: 1 is any uniform field",
    "middle, last, worst": "the frame in the middle of the discharge, the last one, the worst one; "
    "the initial frame is never scored",
    "curve": "voltage at equal degree of lithiation, 0.47 to 0.82; over time where the load isn't a "
    "discharge at constant current",
    "error of mean": "of the frame's mean concentration, worst frame: the paper's own measure; "
    "a uniform field passes it",
    "lithium balance": "lithium taken up against the charge passed",
    "interface": "error at voxels that touch another phase, in standard deviations of the frame",
    "spectral": "the error's share of the amplitude at wavelengths above 16 voxels (long), 16 to 4 (middle) "
    "and below 4 (short); 1 is any uniform field",
    "persistence": "copies the simulator's previous frame, which no surrogate has: it shows what copying is "
    "worth, and is no rival in use",
}


def report_page(tables: Tables, figures: Mapping[str, tuple[str, bytes]]) -> str:
    """The page.

    Args:
        tables: of all predictors.
        figures: file name -> caption and content (PNG or GIF), in the order of the page.
    """
    model = tables.names[0]
    geometries = len({case.geometry_id for case in tables.cases})
    samples = sum(case.model == model for case in tables.cases)
    several = samples > len(tables.loads)
    counted = (
        f"{samples} held-out discharge{'s' * (samples > 1)} of {geometries} electrode{'s' * (geometries > 1)}"
    )
    gathered = "Median over the held-out discharges, the worst in brackets. " if several else ""
    images = "\n".join(_figure(name, caption, content) for name, (caption, content) in figures.items())
    details = "\n".join(
        f"<details><summary>More scores of the {field}</summary>{_table(tables, columns)}</details>"
        for field, columns in DETAILS.items()
    )
    meanings = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in _MEANING.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(model)}: evaluation</title><style>{_STYLE}</style></head><body>
<h1>{escape(model)}: evaluation</h1>
<p class="sub">{counted}, tfmsnet {tfmsnet.__version__}</p>
{_verdict(tables)}
<h2>Scores</h2>
<p>{gathered}Bold: best of its column. Orange: better than {escape(model)}.</p>
{_table(tables, HEADLINE)}
<dl>{meanings}</dl>
{details}
<h2>Figures</h2>
{images}
</body></html>
"""


def _verdict(tables: Tables) -> str:
    model, losses = tables.names[0], tables.losses()
    if not losses:
        text = f"<b>{escape(model)}</b> is not beaten in any score of the table."
        return f'<div class="verdict"><p>{text}</p></div>'
    by_rival: dict[tuple[str, Column], list[str]] = {}
    for loss in losses:
        theirs, mine = (number(m, loss.column.rounding) for m in (loss.other_median, loss.model_median))
        values = f"{loss.load} {theirs} against {mine}"
        by_rival.setdefault((loss.other, loss.column), []).append(values)
    items = "".join(
        f"<li><b>{escape(other)}</b> in {_title(column)}: {escape(', '.join(values))}</li>"
        for (other, column), values in by_rival.items()
    )
    return f'<div class="verdict lost"><p><b>{escape(model)} is beaten by</b></p><ul>{items}</ul></div>'


def _table(tables: Tables, columns: Sequence[Column]) -> str:
    head = "".join(f"<th>{_title(column)}</th>" for column in columns)
    body = "".join(_load_rows(tables, load, columns) for load in tables.loads)
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _load_rows(tables: Tables, load: str, columns: Sequence[Column]) -> str:
    model, samples = tables.names[0], tables.samples(load)
    best = {column: tables.best(load, column) for column in columns}
    better = {column: tables.better(load, column) for column in columns}
    rows = [
        f'<tr class="rate"><td colspan="{len(columns) + 1}">{load}, {samples} '
        f"discharge{'s' * (samples > 1)}</td></tr>"
    ]
    for name in tables.names:
        cells = []
        for column in columns:
            classes = ["best"] * (name in best[column]) + ["beats"] * (name in better[column])
            median, *worst = tables.cell(load, name, column).text(column.rounding).split(" ")
            text = escape(median) + "".join(f" <span>{escape(part)}</span>" for part in worst)
            cells.append(f'<td class="{" ".join(classes)}">{text}</td>')
        row_class = ' class="model"' if name == model else ""
        rows.append(f"<tr{row_class}><td>{escape(name)}</td>{''.join(cells)}</tr>")
    return "".join(rows)


def _title(column: Column) -> str:
    return escape(column.title.replace("phi ", "φ "))


def _figure(name: str, caption: str, content: bytes) -> str:
    kind = "gif" if name.endswith(".gif") else "png"
    data = base64.b64encode(content).decode()
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption>"
        f'<img alt="{escape(caption)}" src="data:image/{kind};base64,{data}"></figure>'
    )
