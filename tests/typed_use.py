"""Uses what the package offers, for a type checker: tests/test_typing.py runs mypy on it, nobody runs it."""

from typing import assert_type

import tfmsnet
from tfmsnet.electrode import PhaseImage, Recipe, generate, read_image
from tfmsnet.halfcell import Discharge
from tfmsnet.load import CRate, End, Every, Load, Rest
from tfmsnet.materials import Parameters, parameter_set
from tfmsnet.plots import discharge_figure
from tfmsnet.records.sample import Sample
from tfmsnet.serving import Client
from tfmsnet.serving.model import Model

electrode = generate(Recipe(am_wt_percent=90, calendering_percent=10, size=(16, 16, 32), seed=1))
assert_type(electrode, PhaseImage)
assert_type(read_image("electrode.tif", voxel_size_m=0.5e-6), PhaseImage)
cell = parameter_set("nmc811").parameters
assert_type(cell, Parameters)
pulse = Load((CRate(2.0, End(time_s=60)), Rest(End(time_s=300))), Every(20))

discharge = tfmsnet.simulate(electrode, pulse, cell)
assert_type(discharge, Discharge)
answer = tfmsnet.predict(electrode, 1.0, parameters=cell)
assert_type(answer, Sample)
model = tfmsnet.load_model("resolved-particles")
assert_type(model, Model)
assert_type(model.of_cell(cell).predict(electrode, pulse), Sample)
with Client("https://localhost/cathode", headers={"Authorization": "Bearer ..."}) as client:
    assert_type(client.predict(electrode, 1.0), Sample)
tfmsnet.write_sample(answer, "answer.h5")
assert_type(tfmsnet.read_sample("answer.h5"), Sample)
discharge_figure(answer, "1C", over="mAh/cm2").savefig("curve.pdf")
print(tfmsnet.__version__, tfmsnet.evaluate("run", "records", "report").table())

tfmsnet.predict("electrode.tif", 1.0)  # type: ignore[arg-type]
tfmsnet.simulate(electrode, "1C")  # type: ignore[arg-type]
