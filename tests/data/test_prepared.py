import numpy as np
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from benchmark.data.prepared import pack, unpack


@settings(deadline=None)
@given(arrays(bool, (3, 5, 7)))
def test_packing_is_undone_by_unpacking(masks):
    assert np.array_equal(unpack(pack(masks), masks.shape[1:]), masks)
