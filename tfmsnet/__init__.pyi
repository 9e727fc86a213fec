# What `import tfmsnet` offers: read by lazy_loader when it is used, and by type checkers.
from . import campaign as campaign
from . import electrode as electrode
from . import evaluation as evaluation
from . import features as features
from . import halfcell as halfcell
from . import load as load
from . import networks as networks
from . import plots as plots
from . import predictors as predictors
from . import records as records
from . import references as references
from . import serving as serving
from . import training as training
from . import tuning as tuning
from .api import evaluate as evaluate
from .api import predict as predict
from .halfcell import simulate as simulate
from .load import register_load as register_load
from .networks.registry import register_network as register_network
from .records.hdf5 import read_sample as read_sample
from .records.hdf5 import write_sample as write_sample
from .references.registry import register_reference as register_reference
from .serving.local import load_model as load_model
from .serving.saved_model import export as export
from .training.run import train as train

__version__: str
