"""Pictures of electrodes and discharges: slices, curves, films; Matplotlib figures in one look.

`tfmsnet.evaluation` draws its scores in the same look.  Importing this package imports no Matplotlib.
"""

import lazy_loader

# The names are in __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
