from .calibration import calibrate as calibrate
from .client import Client as Client
from .local import load_model as load_model
from .model import UNITS as UNITS
from .model import Curve as Curve
from .model import FieldFrames as FieldFrames
from .model import Model as Model
from .saved_model import export as export
