"""The samples of a run: when each of them ends, and when a batch of them does."""

from typing import NamedTuple

import numpy as np

from eprop_core.compiled.compilation import kernel

NEVER = np.iinfo(np.int64).max


class SampleSchedule(NamedTuple):
    """The samples of a run. A sample starts one delay later at each population."""

    length: int
    """Steps of a sample; 0 where nothing happens between samples."""
    neurons_begin: int
    """Step in which the first sample begins for the recurrent neurons."""
    readouts_begin: int
    """Step in which the first sample begins for the readouts."""
    reset: bool
    """Whether everything returns to rest before each sample."""
    batch_size: int
    """Samples after which weights are updated; 0 where spikes update them."""
    rate_average: bool
    """Whether the rate regularization acts at the end of each sample, instead of in every step."""
    last: int
    """Number of the last sample that counts, which ends its batch even if that is incomplete; else :data:`NEVER`."""


@kernel
def samples_ended(samples, time_index, begin):
    """Number of samples that have ended before ``time_index`` if one ends just there, else 0."""
    if samples.length == 0 or time_index <= begin or (time_index - begin) % samples.length != 0:
        return 0
    return (time_index - begin) // samples.length


@kernel
def size_of_ending_batch(samples, time_index, begin):
    """Number of samples in the batch that ends just before ``time_index``, 0 if none does."""
    ended = samples_ended(samples, time_index, begin)
    if samples.batch_size == 0 or ended == 0 or ended > samples.last:
        return 0
    if ended % samples.batch_size == 0:
        return samples.batch_size
    return ended % samples.batch_size if ended == samples.last else 0
