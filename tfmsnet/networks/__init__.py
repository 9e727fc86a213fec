"""Networks: what makes the next state of all fields, on several scales."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["MSNetConfig", "UNetConfig"],
        "layers": ["Coarsen", "Convolution", "MaskedRefine", "Projection", "ScaleBranch"],
        "msnet": ["MSNet"],
        "registry": ["register_network"],
        "step_network": ["StepNetwork"],
        "unet": ["UNet"],
    },
)
