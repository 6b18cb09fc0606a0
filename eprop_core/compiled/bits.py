"""Operations on bits for which Python has no operator."""

import numpy as np
from numba.core import types

from eprop_core.compiled.compilation import intrinsic


def _bit_count(word: np.uint64) -> int:
    return int(word).bit_count()


@intrinsic(without_compiler=_bit_count)
def bit_count(typing_context, word):
    """Return the number of ones in a uint64."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate
