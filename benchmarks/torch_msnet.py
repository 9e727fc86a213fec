"""MSNet, its rollout and loss as one would write them in PyTorch: arrays (batch, channel, x, y, z)."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

COMPILED = "torch.compile"
FILTERS, GROWTH, SCALES, CONVOLUTIONS = 10, 4, 3, 5


def coarsened(field):
    """The field on all scales, finest first."""
    pyramid = [field]
    for _ in range(SCALES - 1):
        pyramid.append(functional.avg_pool3d(pyramid[-1], 2))
    return pyramid


def refine(coarse, fine_mask, coarse_mask):
    """Nearest neighbour inside the phase that keeps the mean, see `tfmsnet.networks.layers.MaskedRefine`."""
    density = torch.where(coarse_mask > 0, coarse / torch.where(coarse_mask > 0, coarse_mask, 1.0), 0.0)
    return functional.interpolate(density, scale_factor=2, mode="nearest") * fine_mask


class MSNet(nn.Module):
    """One step; geometry channels, operating point, previous state and what the scale below predicts."""

    def __init__(self, static, fields):
        super().__init__()
        self.branches = nn.ModuleList()
        for scale in range(SCALES):
            filters = FILTERS * GROWTH**scale
            inputs = static + fields + (fields if scale < SCALES - 1 else 0)
            layers = []
            for index in range(CONVOLUTIONS):
                layers += [nn.Conv3d(filters if index else inputs, filters, 3, padding=1), nn.CELU()]
            self.branches.append(nn.Sequential(*layers, nn.Conv3d(filters, fields, 1)))

    def forward(self, features, masks, operating_point, state):
        states, outputs, refined = coarsened(state), [None] * SCALES, None
        for scale in reversed(range(SCALES)):
            constant = operating_point[:, :, None, None, None].expand(-1, -1, *features[scale].shape[2:])
            parts = [features[scale], constant, states[scale]]
            if scale < SCALES - 1:
                refined = refine(outputs[scale + 1], masks[scale], masks[scale + 1])
                parts.append(refined)
            update = self.branches[scale](torch.cat(parts, 1)) * masks[scale]
            outputs[scale] = update if refined is None else update + refined
        return outputs


def frame_loss(outputs, target, masks):
    """Eq. (17): squared errors, mean over the phase, summed over scales, fields and the batch."""
    space = (2, 3, 4)
    errors = [
        (((output - true) ** 2).sum(space) / mask.sum(space).clamp(min=1.0)).sum()
        for output, true, mask in zip(outputs, coarsened(target), masks, strict=True)
    ]
    return sum(errors)


def rollout_loss(step, operating_point, true, by_frame):
    """Mean over the frames on the network's own predictions (eq. 18), and the frames.

    With `by_frame` a frame's activations are computed again on the way back.
    """
    state, losses, frames = true[:, 0], [], []
    for t in range(1, true.shape[1]):
        inputs = (operating_point[:, t], state, true[:, t])
        state, loss = checkpoint(step, *inputs, use_reentrant=False) if by_frame else step(*inputs)
        losses.append(loss)
        frames.append(state)
    return torch.stack(losses).mean(), frames


class Case:
    """Inputs and weights as tfmsnet saved them, in one memory format.

    With `compiled` a frame, its network and loss, is one graph of `torch.compile`: that of all frames
    would be 24 times as large, and take as much longer to compile.
    """

    def __init__(self, path, memory_format, compiled):
        arrays = np.load(path)
        self.expected = arrays
        self.features, self.masks = (
            [part.contiguous(memory_format=memory_format) for part in coarsened(_to_torch(arrays[name]))]
            for name in ("features", "mask")
        )
        self.operating_point, self.true = torch.tensor(arrays["operating_point"]), _to_torch(arrays["true"])
        self.network = MSNet(
            self.features[0].shape[1] + self.operating_point.shape[-1], self.masks[0].shape[1]
        )
        for parameter, weight in zip(self.network.parameters(), _named(arrays, "weight"), strict=True):
            parameter.data.copy_(weight)
        self.network.to(memory_format=memory_format)
        self.step = torch.compile(self._step) if compiled else self._step

    def _step(self, operating_point, state, target):
        """Next state and its loss."""
        outputs = self.network(self.features, self.masks, operating_point, state)
        return outputs[0], frame_loss(outputs, target, self.masks)

    def loss(self, by_frame):
        """Loss and frames."""
        return rollout_loss(self.step, self.operating_point, self.true, by_frame)

    def errors(self):
        """Largest differences to what tfmsnet found, relative to the largest value."""
        loss, frames = self.loss(by_frame=True)
        loss.backward()
        gradients = [parameter.grad for parameter in self.network.parameters()]
        pairs = {"loss": (loss, torch.tensor(self.expected["loss"]))}
        pairs["frames"] = (torch.stack(frames, 1), _to_torch(self.expected["frames"]))
        pairs["gradients"] = (_flat(gradients), _flat(_named(self.expected, "gradient")))
        return {name: float((a - b).abs().max() / b.abs().max()) for name, (a, b) in pairs.items()}


def measured(options):
    """Errors without steps; else the time of a step; uncompiled, in the memory format that is faster."""
    from pytorch import timed

    torch.set_num_threads(options["threads"])
    compiled = options["framework"] == COMPILED
    if not options["steps"]:
        return {"errors": Case(options["case"], torch.contiguous_format, compiled).errors()}
    found = []
    # The compiler lays out what is between the convolutions as it likes.
    formats = (torch.channels_last_3d,) if compiled else (torch.contiguous_format, torch.channels_last_3d)
    for memory_format in formats:
        case = Case(options["case"], memory_format, compiled)
        optimizer = torch.optim.Adam(case.network.parameters(), lr=1e-4, fused=True)

        def step(case=case, optimizer=optimizer):
            optimizer.zero_grad(set_to_none=True)
            loss, _ = case.loss(by_frame=options["gradient"] == "adjoint")
            loss.backward()
            optimizer.step()

        found.append({**timed(step, options["steps"]), "format": str(memory_format)})
    return min(found, key=lambda one: one["wall_s"])


def _to_torch(array):
    """Channels from the last axis to before x, y, z."""
    return torch.tensor(np.ascontiguousarray(np.moveaxis(array, -1, -4)))


def _named(arrays, name):
    """The weights or gradients, kernels (x, y, z, in, out) as PyTorch's (out, in, x, y, z)."""
    found = [arrays[key] for key in sorted(arrays.files) if key.startswith(f"{name}_")]
    return [torch.tensor(a.transpose(4, 3, 0, 1, 2) if a.ndim == 5 else a).contiguous() for a in found]


def _flat(tensors):
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
