"""What a run can be taken up from: weights, optimizer and position, whole or absent."""

import shutil
from pathlib import Path

import tensorflow as tf

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.files import replacing_directory
from tfmsnet.predictors.store import WEIGHTS
from tfmsnet.seals import check_files, read_sealed, sha256, write_sealed

KEPT = 2
_OLDER = {"step": int, "sums": [float]}  # without checksums


class Checkpoints:
    """checkpoints/step-N/ of a run directory, the last two of them.

    Each is written under a temporary name and renamed, so a directory of that name is whole; which there
    are is read off their names.  It holds `state` (TensorFlow's format: weights, optimizer) and
    position.json (optimizer steps done, the running sums of the epoch that they end in, and checksums).

    Args:
        trainer: a compiled `Trainer`.
        run: the run directory.
    """

    def __init__(self, trainer, run: Path):
        self.folder = run / "checkpoints"
        self.weights = run / WEIGHTS
        self.checkpoint = tf.train.Checkpoint(surrogate=trainer.predictor, optimizer=trainer.optimizer)

    def paths(self) -> list[Path]:
        """All checkpoints, oldest first."""
        return sorted(self.folder.glob("step-*"))

    def save(self, step: int, sums: list[float]) -> None:
        """Write one and remove those that it makes superfluous.

        Raises:
            RunFailed: it couldn't be written, for example since the disk is full.
        """
        path = self.folder / f"step-{step:09d}"
        try:
            if path.exists():  # one that couldn't be read: the steps to it were done again
                shutil.rmtree(path)
            with replacing_directory(path) as partial:
                self.checkpoint.write(str(partial / "state"))
                files = {file.name: sha256(file) for file in sorted(partial.iterdir())}
                write_sealed(partial / "position.json", {"step": step, "sums": sums, "files": files})
        except (OSError, tf.errors.OpError) as error:
            last = self.paths()
            kept = f"the run is whole up to {last[-1].name}" if last else "nothing of the run is kept"
            raise RunFailed(
                f"{path}: couldn't be written ({_reason(error)}); {kept}: make room, then give the same "
                "command again"
            ) from error
        for old in self.paths()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def restore(self) -> tuple[int, list[float]]:
        """Load the newest checkpoint that can be read.

        Returns:
            Optimizer steps done and the sums of the epoch they end in; 0 and none for a new run.

        Raises:
            UserError: none of those that are there can be read, or all were removed.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                position = read_sealed(path / "position.json", "a checkpoint's position", older=_OLDER)
                check_files(path, position.get("files", {}))
                self.checkpoint.read(str(path / "state")).assert_existing_objects_matched()
                return int(position["step"]), [float(value) for value in position["sums"]]
            except (tf.errors.OpError, RuntimeError, LookupError, ValueError, TypeError, AssertionError):
                continue  # what TensorFlow raises depends on where the file was cut
        if paths:
            raise UserError(
                f"{paths[-1]}: not readable as a checkpoint, nor is one before it; remove the run and train "
                "again"
            )
        if self.weights.is_file():
            raise UserError(
                f"{self.folder}: expected the checkpoints of the run that made {self.weights.name}, found "
                "none; put them back, or choose another --out"
            )
        return 0, []


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
