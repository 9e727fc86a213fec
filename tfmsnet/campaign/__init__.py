"""Many discharges: which electrodes under which loads, in parallel, resumable, one sample file each."""

from tfmsnet.campaign.design import RECIPES, image_campaign, recipe_campaign
from tfmsnet.campaign.discharge import BYTES_PER_VOXEL, discharge_all
from tfmsnet.campaign.outcome import remarks
from tfmsnet.campaign.task import Failure, Task, checked_c_rates, checked_loads
from tfmsnet.campaign.wide import random_load, wide_campaign

__all__ = [
    "BYTES_PER_VOXEL",
    "RECIPES",
    "Failure",
    "Task",
    "checked_c_rates",
    "checked_loads",
    "discharge_all",
    "image_campaign",
    "random_load",
    "recipe_campaign",
    "remarks",
    "wide_campaign",
]
