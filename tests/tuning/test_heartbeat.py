"""Workers that live and workers that don't."""

import os
import time

from tfmsnet.tuning.tuner import Heartbeats, Repeated


def test_silence_is_measured_by_the_files_alone(tmp_path):
    beats = Heartbeats(tmp_path / "workers")
    assert beats.silent_s("a", "chief") == float("inf")
    beats.beat("a")
    beats.beat("chief")
    assert abs(beats.silent_s("a", "chief")) < 5
    now = time.time()
    os.utime(tmp_path / "workers" / "a", (now - 100, now - 100))
    assert 90 < beats.silent_s("a", "chief") < 110


def test_a_function_is_called_again_and_again():
    calls = []
    with Repeated(lambda: calls.append(1), every_s=0.01):
        assert calls
        deadline = time.monotonic() + 5
        while len(calls) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(calls) >= 3
    after = len(calls)
    time.sleep(0.05)
    assert len(calls) == after
