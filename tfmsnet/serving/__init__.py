"""Models that answer: from a run, from a SavedModel, or on a server."""

from tfmsnet.serving.client import Client
from tfmsnet.serving.response import UNITS, Curve, FieldFrames

__all__ = ["UNITS", "Client", "Curve", "FieldFrames"]
