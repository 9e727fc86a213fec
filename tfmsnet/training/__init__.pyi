from .config import PRESETS as PRESETS
from .config import RunConfig as RunConfig
from .config import TrainingConfig as TrainingConfig
from .config import load_config as load_config
from .loop import Interrupted as Interrupted
from .run import train as train
from .trainer import Trainer as Trainer
