"""What a half-cell is made of: functions of lithiation and salt, and sets of parameters."""

from tfmsnet.materials.functions import Function, Table
from tfmsnet.materials.parameters import Parameters
from tfmsnet.materials.registry import (
    ParameterSet,
    names,
    parameter_set,
    read_parameters,
    register_parameters,
)

__all__ = [
    "Function",
    "ParameterSet",
    "Parameters",
    "Table",
    "names",
    "parameter_set",
    "read_parameters",
    "register_parameters",
]
