"""The pictures of a report, in the order of the paper's figures 5 to 8."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tfmsnet.evaluation.candidate import Fields
from tfmsnet.evaluation.scores import Scores
from tfmsnet.evaluation.tables import Tables
from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample

# Slices are drawn for at most so many C-rates.
_SLICED_RATES = 3


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
        self._sliced: set[float] = set()

    def look(self, sample: Sample, predicted: Mapping[str, Fields]) -> None:
        """Draw the models on the first sample of each C-rate: which one isn't chosen by its score."""
        from tfmsnet.evaluation.animation import write_animation
        from tfmsnet.evaluation.slice_figures import slice_figure

        rate, judged = sample.c_rate, self.models[0]
        if not self._sliced:
            path = self.folder / "discharge.gif"
            write_animation(sample, predicted[judged], path, judged)
            caption = f"The discharge of {sample.geometry_id} at {rate:g}C."
            self.made[path.name] = (caption, path.read_bytes())
        self._sliced.add(rate)
        for number, field in ((6, "concentration"), (7, "potential")):
            having = {m: predicted[m] for m in self.models if getattr(predicted[m], field) is not None}
            if having:
                caption = (
                    f"{field.capitalize()} in the middle plane of {sample.geometry_id} at {rate:g}C, the "
                    "first held-out sample of this C-rate; the range of colours is the simulated field's. "
                    f"Figure {number} of Marcato et al. 2023."
                )
                figure = slice_figure(sample, having, field)
                self._keep(f"slices_{field}_{rate:g}C.png", caption, figure)

    def wants(self, sample: Sample) -> bool:
        """Whether the sample is one to be drawn."""
        return sample.c_rate not in self._sliced and len(self._sliced) < _SLICED_RATES

    def finish(self, tables: Tables) -> None:
        """Draw what needs all scores, and bring everything into the paper's order."""
        from tfmsnet.evaluation import frame_figures

        slices, self.made = self.made, {}
        cases, medians = tables.cases, "Medians over the held-out samples of each C-rate."
        self._keep(
            "mean_error.png",
            "Error of the mean over the frames, figure 5 of Marcato et al. 2023: a uniform field (0-D cell) "
            f"has none in the concentration. {medians}",
            frame_figures.mean_error_figure(cases),
        )
        for field in FIELDS:
            self.made |= {name: made for name, made in slices.items() if name.startswith(f"slices_{field}")}
        self._draw_curves(cases)
        self._keep("vrmse.png", f"VRMSE over the frames. {medians}", frame_figures.vrmse_figure(cases))
        self._keep(
            "pattern.png",
            f"Pattern error over the frames: VRMSE without the error of the mean. {medians}",
            frame_figures.pattern_figure(cases),
        )
        self.made |= slices

    def _draw_curves(self, cases: Iterable[Scores]) -> None:
        from tfmsnet.evaluation.curve_figures import curve_figure

        for number, model in enumerate(self.models):
            own = [case for case in cases if case.model == model and case.curve is not None]
            if own:
                name = f"curves_{number}.png" if number else "curves.png"
                self._keep(
                    name, f"Discharge curves, {model}, figure 8 of Marcato et al. 2023.", curve_figure(own)
                )

    def _keep(self, name: str, caption: str, figure) -> None:
        from tfmsnet.evaluation.style import png

        content = png(figure)
        (self.folder / name).write_bytes(content)
        self.made[name] = (caption, content)
