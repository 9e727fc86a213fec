"""Every command that writes, on a disk that is full at some moment: one line, nothing half-written."""

import pytest

# Of what the command writes, as much room is there, in its first try and in the later ones.
SHARES = (0.01, 0.2, 0.45, 0.7, 0.9)


def size(folder):
    # A file takes whole pages.
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())


@pytest.mark.faults
def test_a_full_disk(name, command, commands, complaints, half_written, small_disk, tmp_path):
    whole = command(*commands(tmp_path / "whole")[name])
    assert whole.returncode == 0, whole.stderr
    needed = size(tmp_path / "whole")
    disk = small_disk(0)
    arguments = commands(disk.folder / "out")[name]
    refused = 0
    for share in SHARES:
        disk.make_room(int(share * needed))
        tried = command(*arguments, **disk.limits)
        assert "Traceback" not in tried.stderr, tried.stderr
        assert not half_written(disk.folder)
        if tried.returncode == 0:
            break
        refused += 1
        assert tried.returncode in (1, 2), (tried.returncode, tried.stderr)
        (line,) = complaints(tried.stderr)
        assert str(disk.folder) in line
        assert "room" in line or "No space left" in line
    print(f"\n{name}: {refused} moments on a full disk")
    assert refused >= (len(SHARES) if disk.mounted else 1)
    disk.make_room()
    last = command(*arguments)
    assert last.returncode == 0, last.stderr
    assert not half_written(disk.folder)
