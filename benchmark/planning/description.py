"""What a component says of itself."""

import msgspec

from registry.options import Option


class Description(msgspec.Struct, frozen=True, omit_defaults=True):
    """A component as a worker has described it.

    Attributes:
        summary: the first line of its docstring.
        traits: how the pipeline treats a segmenter or a head; see `benchmark.planning.graph.Traits`.
        pretrained: settings of ``[training]`` that suit a backbone's published weights.
        error: why it cannot be used; empty where it can.
    """

    kind: str
    name: str
    summary: str = ""
    options: tuple[Option, ...] = ()
    traits: dict[str, bool] = {}
    pretrained: dict[str, float] = {}
    error: str = ""
