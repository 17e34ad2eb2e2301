"""Half the batch where memory runs out, by attempts that pretend."""

from benchmark.models.memory import retry_on_oom

TOO_MUCH = MemoryError("20 GiB")


def attempts(tmp_path, largest, asked=32, error=TOO_MUCH):
    """The sizes that were tried, their folders and what was told, where memory holds `largest` images."""
    tried, told = [], []

    def attempt(size, folder):
        assert folder.is_dir()
        tried.append((size, folder.relative_to(tmp_path).as_posix()))
        if size > largest:
            raise error
        return f"trained at {size}"

    try:
        found = retry_on_oom(attempt, asked, tmp_path, told.append)
    except Exception as failure:
        found = failure
    return found, tried, [event["notice"] for event in told]


def test_what_fits_is_tried_once_in_the_folder_itself(tmp_path):
    assert attempts(tmp_path, largest=32) == ("trained at 32", [(32, ".")], [])


def test_the_batch_halves_until_memory_suffices_and_each_time_it_is_said(tmp_path):
    found, tried, told = attempts(tmp_path, largest=8)
    assert found == "trained at 8"
    assert tried == [(32, "."), (16, "batch-16"), (8, "batch-8")]
    assert told == [
        f"memory ran out with batches of {asked}: {used} images a batch instead, at the same learning rate; "
        "training starts again"
        for asked, used in ((32, 16), (16, 8))
    ]


def test_below_four_images_the_failure_is_the_runs(tmp_path):
    found, tried, _ = attempts(tmp_path, largest=1, asked=10)
    assert found is TOO_MUCH
    assert [size for size, _ in tried] == [10, 5]


def test_another_error_is_no_reason_for_smaller_batches(tmp_path):
    wrong = ValueError("wrong")
    assert attempts(tmp_path, largest=1, error=wrong) == (wrong, [(32, ".")], [])


def test_a_process_that_comes_after_goes_on_with_the_smallest_size_that_was_begun(tmp_path):
    attempts(tmp_path, largest=16)
    assert attempts(tmp_path, largest=32) == ("trained at 16", [(16, "batch-16")], [])
