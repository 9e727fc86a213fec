"""What a half-cell is made of: functions of lithiation and salt, and sets of parameters."""

from tfmsnet.materials.functions import Function, Table
from tfmsnet.materials.one_c import one_c_a_m2
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
    "one_c_a_m2",
    "parameter_set",
    "read_parameters",
    "register_parameters",
]
