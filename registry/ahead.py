"""Batches drawn by a thread ahead of the steps that learn from them, for trainers that prefetch nothing themselves."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import keras


class Batched(Protocol):
    """So many batches, each asked for by its place."""

    def __len__(self) -> int: ...

    def __getitem__(self, step: int, /) -> tuple[Any, ...]: ...


class Ahead(keras.utils.PyDataset):
    """The batches of a sequence in order, for `fit(shuffle=False)`; a few are drawn while one is learnt from.

    The thread starts with the first batch that is asked for, anew where that is not the next one, and ends with the
    last of a pass, or by `close`.  What goes wrong in it is raised where the batch is asked for.

    Args:
        batches: what is drawn may depend on their state, if that changes between two passes only.
        depth: how many batches are drawn before they are asked for.
    """

    def __init__(self, batches: Batched, depth: int) -> None:
        super().__init__(workers=1)
        self.batches = batches
        self.depth = depth
        self.thread: ThreadPoolExecutor | None = None
        self.drawn: deque[Future[tuple[Any, ...]]] = deque()
        self.next = 0  # the step whose batch is first in `drawn`

    def __len__(self) -> int:
        """Steps of a pass."""
        return len(self.batches)

    def __getitem__(self, step: int) -> tuple[Any, ...]:
        """One batch; the next ones are begun."""
        if self.thread is None or step != self.next:
            self.close()
            self.thread, self.next = ThreadPoolExecutor(1, "batches"), step
        for ahead in range(step + len(self.drawn), min(step + 1 + self.depth, len(self))):
            self.drawn.append(self.thread.submit(self.batches.__getitem__, ahead))
        self.next = step + 1
        batch: tuple[Any, ...] = self.drawn.popleft().result()
        if not self.drawn:
            self.close()
        return batch

    def on_epoch_end(self) -> None:
        """End the thread where a pass was not gone through."""
        self.close()

    def close(self) -> None:
        """End the thread, after the batch that it is drawing."""
        if self.thread:
            self.thread.shutdown(cancel_futures=True)
        self.thread = None
        self.drawn.clear()
