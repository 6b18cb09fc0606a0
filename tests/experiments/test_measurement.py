"""What experiments measure about themselves."""

import sys

import pytest

from eprop_core.experiments import measurement


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted anew on Linux alone")
def test_what_is_freed_does_not_count_once_the_peak_is_reset() -> None:
    measurement.reset_peak_memory()
    before = measurement.peak_memory()
    blocks = [bytearray(b"1" * 100_000) for _ in range(500)]
    last = bytearray(b"1" * 100_000)  # at the end of the heap, so that what is freed below stays the process's
    assert measurement.peak_memory() - before > 40e6
    del blocks
    measurement.reset_peak_memory()
    assert measurement.peak_memory() - before < 10e6
    assert len(last) == 100_000
