"""Every command that writes, on a disk that is full at some moment: one line, nothing half-written."""

import pytest

NAMES = ("simulate", "records write", "train", "tune", "evaluate", "predict", "export", "show")
# Of what the command writes, as much room is there.
SHARES = (0.01, 0.2, 0.45, 0.7, 0.95)


def size(folder):
    # A file takes whole pages.
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())


@pytest.mark.faults
@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk(name, command, commands, complaints, half_written, small_disk, tmp_path):
    whole = command(*commands(tmp_path / "whole")[name])
    assert whole.returncode == 0, whole.stderr
    refused = 0
    for share in SHARES:
        disk = small_disk(int(share * size(tmp_path / "whole")))
        arguments = commands(disk.folder / "out")[name]
        first = command(*arguments, **disk.limits)
        assert "Traceback" not in first.stderr
        assert first.returncode in (0, 1, 2), (share, first.returncode, first.stderr)
        if first.returncode:
            refused += 1
            assert len(complaints(first.stderr)) == 1, first.stderr
            assert "out" in complaints(first.stderr)[0]
        assert not half_written(disk.folder)
        disk.make_room()
        second = command(*arguments)
        assert second.returncode == 0, second.stderr
        assert not half_written(disk.folder)
        disk.remove()
    assert refused >= 3
