"""References: answers that need no training, from which networks start and beside which scores stand."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "faraday": ["charge_passed", "mean_dol", "uniform_fields"],
        "reference": ["Conditions", "Reference"],
        "reduced": ["PorousElectrode", "ResolvedParticles"],
        "registry": ["make_reference", "register_reference"],
        "uniform": ["Uniform"],
    },
)
