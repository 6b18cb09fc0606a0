"""Purposes of random numbers, in a module of their own so that a configuration is checked without the compiler."""

from enum import IntEnum
from typing import Literal, Self

_PURPOSE_BITS = 8


class Purpose(IntEnum):
    """Purpose of a draw; draws for different purposes are independent."""

    INPUT_SOURCES = 1
    RECURRENT_SOURCES = 2
    OUTPUT_SOURCES = 3
    FEEDBACK_SOURCES = 4
    INPUT_WEIGHTS = 11
    RECURRENT_WEIGHTS = 12
    OUTPUT_WEIGHTS = 13
    FEEDBACK_WEIGHTS = 14
    INPUT_REWIRING = 15
    RECURRENT_REWIRING = 16
    OUTPUT_REWIRING = 17
    FIRING_PHASES = 20
    SAMPLE_ORDER = 21
    INPUT_SPIKES = 22
    MEMBRANE_TIME_CONSTANTS = 23
    THRESHOLDS = 24
    CAPACITANCES = 25
    THRESHOLD_RISES = 26
    RATE_REGULARIZATIONS = 27
    TARGET_RATES = 28
    FROZEN_NOISE = 31
    TARGETS = 32
    CUES = 33
    REFRACTORY_PERIODS = 34
    SURROGATE_HEIGHTS = 35
    SURROGATE_WIDTHS = 36

    @classmethod
    def of_projection(cls, name: str, drawn: Literal["sources", "weights", "rewiring"]) -> Self:
        """Return the purpose of what is drawn for the projection ``name``."""
        return cls[f"{name}_{drawn}".upper()]

    def in_stream(self, stream: int) -> int:
        """Return the number of this purpose in one of many independent streams; that of stream 0 is its own."""
        return (stream << _PURPOSE_BITS) + int(self)
