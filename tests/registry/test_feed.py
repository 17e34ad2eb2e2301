"""What trainers take batches from: the same ones in the same order, drawn ahead, without a stall or a stray thread."""

import threading
import time

import keras
import numpy as np
import pytest

from benchmark.models.batches import Batches, Excerpt, Slices
from registry import backend
from registry.ahead import Ahead
from registry.backend import NAME, feed
from registry.errors import DataError

ONLY_TENSORFLOW = pytest.mark.skipif(NAME != "tensorflow", reason="the others have no tf.data")
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SIZE, COUNT, EPOCHS = 8, 27, 3


def data(count=COUNT, seed=0):
    """Images uint8, targets, loss weights."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, SIZE, SIZE, 1), np.uint8)
    return images, np.arange(count) % 2, generator.random(count, np.float32)


def batches(read=lambda batch: batch, seed=0):
    """Four weighted batches of eight, with noise; `read` sees each as it is drawn."""
    images, targets, _ = data()

    def draw(generator, chosen):
        noise = generator.integers(0, 9, images[chosen].shape, np.uint8)
        return read((images[chosen] // 2 + noise, targets[chosen]))

    return Batches(targets, draw, batch_size=8, balance="weights", num_classes=2, seed=seed)


def taken(fed):
    """Every batch of a pass, as the backend's trainer asks for them."""
    return list(fed.as_numpy_iterator()) if NAME == "tensorflow" else [fed[step] for step in range(len(fed))]


def same(some, others):
    return all(
        len(one) == len(other)
        and all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(one, other, strict=True))
        for one, other in zip(some, others, strict=True)
    )


class Plain(keras.utils.PyDataset):
    """The same batches without anything around them."""

    def __init__(self, batches):
        super().__init__(workers=1)
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, step):
        return self.batches[step]


class Epochs(keras.callbacks.Callback):
    """Sets the epoch of batches, as training does."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch


def network():
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((SIZE, SIZE, 1), dtype="uint8"),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(4, 3),
        keras.layers.BatchNormalization(),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=LOSS)
    return model


def learn(fed, drawn, **options):
    """The losses of a training and what it leaves."""
    model = network()
    history = model.fit(fed, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[Epochs(drawn)], **options)
    return history.history, model.get_weights()


def drawing():
    """The threads that draw."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_a_pass_gives_every_batch_in_order_and_the_next_pass_those_of_its_epoch():
    asked, plain = batches(), batches()
    with feed(asked) as fed:
        for epoch in (0, 1, 5):
            asked.epoch = plain.epoch = epoch
            assert same(taken(fed), [plain[step] for step in range(len(plain))])


def test_validation_is_cut_into_batches_of_which_the_last_is_smaller():
    arrays = data(19)
    with feed(Slices(arrays, 8)) as fed:
        found = taken(fed)
    assert [len(images) for images, _, _ in found] == [8, 8, 3]
    assert same([[np.concatenate(column) for column in zip(*found, strict=True)]], [arrays])
    assert same(Excerpt(Slices(arrays, 8), [0, 2]), [found[0], found[2]])


@ONLY_TENSORFLOW
def test_no_dataset_is_autotuned_and_each_says_how_long_it_is():
    for made in (batches(), Slices(data(19), 8)):
        with feed(made) as fed:
            assert fed.options().autotune.enabled is False
            assert int(fed.cardinality()) == len(made)
            assert {spec.shape[0] for spec in fed.element_spec} == {None}  # one trace for batches of every size


def test_losses_are_those_of_a_plain_sequence_and_plain_arrays_to_the_bit():
    one, other = batches(), batches()
    images, targets, weights = data(19, seed=1)
    with feed(one) as fed, feed(Slices((images, targets, weights), 8)) as checking:
        found = learn(fed, one, validation_data=checking)
    expected = learn(Plain(other), other, validation_data=(images, targets, weights), validation_batch_size=8)
    assert found[0] == expected[0]
    assert set(found[0]) == {"loss", "val_loss"} and len(set(found[0]["loss"])) == EPOCHS
    assert all(np.array_equal(one, other) for one, other in zip(found[1], expected[1], strict=True))


def test_losses_by_a_thread_are_those_of_a_plain_sequence_to_the_bit():
    one, other = batches(), batches()
    found, expected = learn(Ahead(one, 2), one), learn(Plain(other), other)
    assert found[0] == expected[0]
    assert all(np.array_equal(one, other) for one, other in zip(found[1], expected[1], strict=True))
    assert drawing() == []


@pytest.mark.parametrize("error", [DataError("the file is gone"), MemoryError("20 GiB"), OSError(5, "I/O error")])
def test_what_a_batch_raises_is_raised_by_the_training(error):
    def read(batch):
        if asked.epoch == 1 and batch[0].sum() == spoilt:
            raise error
        return batch

    asked, plain = batches(read), batches()
    plain.epoch = 1
    spoilt = plain[2][0].sum()
    with pytest.raises(type(error)) as caught, feed(asked) as fed:
        learn(fed, asked)
    assert caught.value is error
    assert asked.epoch == 1
    assert drawing() == []


def test_what_a_batch_of_validation_raises_is_raised_by_the_training():
    class Broken(Slices):
        def __getitem__(self, step):
            if step == 1:
                raise error
            return super().__getitem__(step)

    asked, error = batches(), DataError("the file is gone")
    with pytest.raises(DataError) as caught, feed(asked) as fed, feed(Broken(data(19), 8)) as checking:
        learn(fed, asked, validation_data=checking)
    assert caught.value is error


def test_what_the_training_itself_raises_is_not_taken_for_a_batchs():
    class Diverged(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            assert failed.wait(30)
            raise ArithmeticError("nan")

    def read(batch):
        if batch[0].sum() == spoilt:  # drawn ahead of the step that raises
            failed.set()
            raise DataError("the file is gone")
        return batch

    failed, spoilt = threading.Event(), batches()[2][0].sum()
    with pytest.raises(ArithmeticError, match="nan"), feed(batches(read)) as fed:
        network().fit(fed, verbose=0, shuffle=False, callbacks=[Diverged()])


@ONLY_TENSORFLOW
def test_what_the_device_raises_is_raised_as_it_is():
    class Full(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise error

    error = backend.tf.errors.ResourceExhaustedError(None, None, "20 GiB")
    with pytest.raises(type(error)) as caught, feed(batches()) as fed:
        network().fit(fed, verbose=0, shuffle=False, callbacks=[Full()])
    assert caught.value is error


def test_a_thread_draws_a_few_batches_ahead_and_ends_with_the_last():
    drawn, plain = [], batches()
    ahead = Ahead(batches(lambda batch: drawn.append(1) or batch), 2)
    assert drawn == drawing() == []  # nothing before it is asked for
    first = ahead[0]
    ends = time.monotonic() + 30
    while len(drawn) < 3 and time.monotonic() < ends:
        time.sleep(0.01)
    assert len(drawing()) == 1
    ahead.thread.submit(lambda: None).result()
    assert len(drawn) == 3
    others = [ahead[step] for step in (1, 2, 3)]
    assert len(drawn) == 4
    assert same([first, *others], [plain[step] for step in range(4)])
    assert drawing() == []


def test_a_thread_starts_anew_where_a_pass_does():
    """JAX's trainer looks at the first batch before the first epoch, and at no other."""
    asked, plain = batches(), batches()
    ahead = Ahead(asked, 2)
    ahead[0]
    asked.epoch = plain.epoch = 3
    ahead.on_epoch_begin()
    assert same([ahead[step] for step in range(4)], [plain[step] for step in range(4)])
    assert same([ahead[2], ahead[3], ahead[1]], [plain[2], plain[3], plain[1]])
    ahead.on_epoch_end()
    assert drawing() == []


def test_no_thread_outlives_the_block_that_trains(monkeypatch):
    monkeypatch.setattr("registry.backend.NAME", "jax")  # as on every backend without a prefetch of its own
    with pytest.raises(KeyboardInterrupt), feed(batches()) as fed:
        fed[0]
        assert len(drawing()) == 1
        raise KeyboardInterrupt
    assert drawing() == []
