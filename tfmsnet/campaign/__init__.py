"""Many discharges: which electrodes at which C-rates, in parallel, resumable, one sample file each."""

from tfmsnet.campaign.design import RECIPES, image_campaign, recipe_campaign
from tfmsnet.campaign.discharge import discharge_all
from tfmsnet.campaign.task import Failure, Task, checked_c_rates

__all__ = [
    "RECIPES",
    "Failure",
    "Task",
    "checked_c_rates",
    "discharge_all",
    "image_campaign",
    "recipe_campaign",
]
