"""Pictures of electrodes and discharges: slices, curves, films; Matplotlib figures in one look.

`tfmsnet.evaluation` draws its scores in the same look.  Importing this package imports no Matplotlib.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "curves": ["curves_figure", "discharge_figure"],
        "electrode": ["plot_slices"],
        "film": ["write_animation", "write_sample_animation"],
        "overview": ["overview_figure"],
        "slices": ["Plane", "fields_figure", "slice_figure"],
    },
)
