from .config import NetworkConfig as NetworkConfig
from .config import Objective as Objective
from .config import describe_network as describe_network
from .kinds import KINDS as KINDS
from .predictor import Predictor as Predictor
from .predictor import make_predictor as make_predictor
from .store import load_predictor as load_predictor
