"""What a reader must know of a training that did not go as it was asked for, in words."""


def halved(used: int, asked: int) -> str:
    """Of a training whose batches were made smaller."""
    return f"memory ran out with batches of {asked}: {used} images a batch instead, at the same learning rate"
