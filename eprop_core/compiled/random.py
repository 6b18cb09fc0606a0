"""Counter-based random numbers: every draw is a pure function of (seed, purpose, identifier, index).

The generator is Philox 4x64-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405), the one of ``numpy.random.Philox``:
key = (seed, purpose), counter = (index // 4, identifier, 0, 0). No draw depends on another. A rank can therefore draw
only the numbers of its own neurons, and they are the same for any number of ranks.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types

from eprop_core.compiled.compilation import intrinsic, kernel
from eprop_core.compiled.purpose import Purpose

_MULTIPLIER_0 = np.uint64(0xD2E7470EE14C6C93)
_MULTIPLIER_1 = np.uint64(0xCA5A826395121157)
_WEYL_0 = np.uint64(0x9E3779B97F4A7C15)
_WEYL_1 = np.uint64(0xBB67AE8584CAA73B)
_ROUNDS = 10
_ZERO = np.uint64(0)
_ELEVEN = np.uint64(11)
_UNIT = 2.0**-53


def _multiply_high_in_python(a, b):
    return np.uint64(int(a) * int(b) >> 64)


@intrinsic(without_compiler=_multiply_high_in_python)
def _multiply_high(typing_context, a, b):
    """Upper 64 bits of the 128-bit product of two uint64."""

    def generate(context, builder, signature, arguments):
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@kernel
def philox(seed, purpose, identifier, block):
    """Four uint64 of the counter (block, identifier, 0, 0) under the key (seed, purpose)."""
    c0, c1, c2, c3 = np.uint64(block), np.uint64(identifier), _ZERO, _ZERO
    k0, k1 = np.uint64(seed), np.uint64(purpose)
    for _ in range(_ROUNDS):
        high_0, low_0 = _multiply_high(_MULTIPLIER_0, c0), _MULTIPLIER_0 * c0
        high_1, low_1 = _multiply_high(_MULTIPLIER_1, c2), _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = high_1 ^ c1 ^ k0, low_1, high_0 ^ c3 ^ k1, low_0
        k0 += _WEYL_0
        k1 += _WEYL_1
    return c0, c1, c2, c3


@kernel
def to_uniform(bits):
    """Uniform number in [0, 1) with 53 random bits."""
    return float(bits >> _ELEVEN) * _UNIT


@kernel
def to_deviate(bits):
    """Uniform number in [-sqrt(3), sqrt(3)), with mean 0 and standard deviation 1."""
    return math.sqrt(3.0) * (2.0 * to_uniform(bits) - 1.0)


@kernel
def to_integer(bits, n):
    """Uniform integer in 0 .. n - 1; its bias is below n / 2**64."""
    return np.int64(_multiply_high(bits, np.uint64(n)))


@kernel
def to_normals(bits_0, bits_1):
    """Two independent standard normal numbers (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - to_uniform(bits_0)))
    angle = 2.0 * math.pi * to_uniform(bits_1)
    return radius * math.cos(angle), radius * math.sin(angle)


@kernel
def fill_integers(integers, n, seed, purpose, first_identifier):
    """Draw an integer in 0 .. n - 1 for each of ``len(integers)`` identifiers, from ``first_identifier`` on."""
    for i in range(len(integers)):
        integers[i] = to_integer(philox(seed, purpose, first_identifier + i, 0)[0], n)


@kernel
def fill_uniform(values, low, high, seed, purpose, first_identifier):
    """Draw a number in [``low``, ``high``) for each identifier from ``first_identifier`` on; ``values`` is float64."""
    for i in range(len(values)):
        values[i] = low + (high - low) * to_uniform(philox(seed, purpose, first_identifier + i, 0)[0])


def generator(*, seed: int, purpose: Purpose, identifier: int) -> np.random.Generator:
    """Return a generator of the numbers that are drawn for one identifier.

    Parameters
    ----------
    seed
        Seed of the network or task, 0 to 2**64 - 1.
    purpose
        Purpose of the draws.
    identifier
        Neuron, sample or other object for which the numbers are drawn, 0 to 2**64 - 1.
    """
    key, counter = np.array([seed, purpose], np.uint64), np.array([0, identifier, 0, 0], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def permutation(n: int, *, seed: int, purpose: Purpose, identifier: int) -> np.ndarray:
    """Return a random order of 0 .. n - 1, int64 (n,); for the arguments see :func:`generator`."""
    return generator(seed=seed, purpose=purpose, identifier=identifier).permutation(n)
