"""A trained surrogate that can be asked, wherever it computes: in this process or on a server."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters
from tfmsnet.predictors.domain import outside
from tfmsnet.serving.quantities import LARGEST_C_RATE
from tfmsnet.serving.response import Curve, FieldFrames, as_curve, as_fields

# Signature and its inputs by name -> its outputs by name, both with the batch in front.
Call = Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]


class Model:
    """A trained surrogate, whatever computes it.

    Args:
        call: answers a signature.
        describe: gives the content of surrogate.json; called once, when it is first needed.
    """

    def __init__(self, call: Call, describe: Callable[[], dict]):
        self.call, self._describe = call, describe

    @cached_property
    def description(self) -> dict:
        """The content of surrogate.json."""
        return self._describe()

    @cached_property
    def parameters(self) -> Parameters:
        """Of the cell that the model was trained on."""
        return self._from_description(lambda content: Parameters.from_dict(content["parameters"]))

    @cached_property
    def voxel_size_m(self) -> float:
        """Edge of the voxels that the model was trained on, m."""
        return self._from_description(lambda content: float(content["voxel_size_m"]))

    @cached_property
    def fields_predicted(self) -> tuple[str, ...]:
        """Of "concentration" and "potential"."""
        return self._from_description(lambda content: tuple(content["network"]["fields"]))

    def _from_description(self, read):
        description = self.description  # outside of the try: a server may be what is wrong
        try:
            return read(description)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"model: its surrogate.json isn't one ({error}); export or train again") from None

    def curve(self, image: PhaseImage, c_rate: float) -> Curve:
        """The discharge curve at constant current, and its summary: a small answer.

        Raises:
            UserError: a C-rate out of range, voxels of another size, a grid that is too small or too large.
        """
        return as_curve(self.call("serving_default", self._inputs(image, c_rate)), c_rate)

    def fields(
        self,
        image: PhaseImage,
        c_rate: float,
        *,
        frame_stride: int = 1,
        region: tuple[int, int, int, int, int, int] | None = None,
    ) -> FieldFrames:
        """The curve and the fields at every voxel.

        Args:
            image: the electrode.
            c_rate: 1/h, above 0.
            frame_stride: fields of frames 0, frame_stride, 2 frame_stride, ...
            region: x0, x1, y0, y1, z0, z1 of the box of the fields in voxels, ends not included; None for
                all of the image.

        Raises:
            UserError: as `curve`; a stride or a region out of range.
        """
        whole = tuple(edge for size in image.shape for edge in (0, size))
        region = whole if region is None else tuple(region)
        if len(region) != 6 or not all(
            0 <= a < b <= n for a, b, n in zip(region[::2], region[1::2], image.shape, strict=True)
        ):
            raise UserError(
                f"region: expected x0 x1 y0 y1 z0 z1 with 0 <= begin < end inside {image.shape}, "
                f"found {region}"
            )
        if frame_stride < 1:
            raise UserError(f"frame_stride: expected 1 or more, found {frame_stride}")
        inputs = {
            **self._inputs(image, c_rate),
            "frame_stride": np.array([frame_stride], np.int32),
            "region": np.array([region], np.int32),
        }
        return as_fields(self.call("fields", inputs), c_rate, frame_stride, region)

    def predict(self, image: PhaseImage, c_rate: float):
        """The whole discharge as a `tfmsnet.records.Sample` of 25 frames, as files and figures want it.

        Raises:
            UserError: as `curve`; a model of one field alone.
        """
        return self.sample(image, self.fields(image, c_rate))

    def sample(self, image: PhaseImage, answer: FieldFrames):
        """All frames of all of an image, from `fields`, as a `tfmsnet.records.Sample`.

        Raises:
            UserError: fields that were thinned out or cropped, or a model of one field alone.
        """
        from tfmsnet.load import equal_charge_frames
        from tfmsnet.records.sample import Sample  # brings TensorFlow

        if answer.concentration is None or answer.potential is None:
            raise UserError(
                f"model: predicts {', '.join(self.fields_predicted)} alone, but a discharge needs "
                "concentration and potential; use a model of both fields"
            )
        if answer.concentration.shape != (len(answer.times_s), *image.shape):
            raise UserError(
                f"fields: expected all {len(answer.times_s)} frames of {image.shape} voxels, found "
                f"{answer.concentration.shape}; ask for frame_stride=1 and no region"
            )
        profile, times_s = equal_charge_frames(answer.c_rate)
        return Sample(
            phase=image.phase,
            concentration=answer.concentration,
            potential=answer.potential,
            times_s=times_s,
            dol=answer.dol.astype(np.float64),
            voltage_v=answer.voltage_v.astype(np.float64),
            c_rate_profile=profile,
            voxel_size_m=image.voxel_size_m,
            geometry_id=image.geometry_id,
            parameters=self.parameters,
            am_wt_percent=image.am_wt_percent,
            calendering_percent=image.calendering_percent,
        )

    def outside(self, image: PhaseImage, c_rate: float) -> list[str]:
        """What of image and C-rate lies outside of what the model was trained on, a sentence each."""
        return outside(self.description.get("domain") or {}, image, c_rate)

    def _inputs(self, image: PhaseImage, c_rate: float) -> dict[str, np.ndarray]:
        if not 0 < c_rate <= LARGEST_C_RATE:
            raise UserError(
                f"C-rate: expected a number above 0 and at most {LARGEST_C_RATE:g}, found {c_rate:g}"
            )
        if abs(image.voxel_size_m - self.voxel_size_m) > 1e-3 * self.voxel_size_m:
            raise UserError(
                f"image: voxels of {image.voxel_size_m * 1e6:g} um, but the model was trained on "
                f"{self.voxel_size_m * 1e6:g} um; resample the image"
            )
        self._check_edges(image.shape)
        return {"phase": image.phase[None], "c_rate": np.array([c_rate], np.float32)}

    def _check_edges(self, grid: tuple[int, ...]) -> None:
        scales = self._from_description(lambda content: int(content["network"]["scales"]))
        smallest = 2 ** (scales - 1)
        if min(grid) < smallest:
            raise UserError(
                f"image: a grid of {'x'.join(map(str, grid))} voxels, expected at least {smallest} along "
                f"each edge for {scales} scales; use a larger image"
            )
