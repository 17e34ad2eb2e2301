"""What a reader must know of a training that did not go as it was asked for, in words."""


def halved(used: int, asked: int) -> str:
    """Of a training whose batches were made smaller."""
    return f"memory ran out with batches of {asked}: {used} images a batch instead, at the same learning rate"


def stalled(input_stall: float) -> str:
    """Of a training that waited for images for a large share of its time."""
    return (
        f"training waited for images {input_stall:.0%} of the time; give it more processors (fewer --jobs) or keep the "
        "cache (BENCH_CACHE) on a faster disk"
    )
