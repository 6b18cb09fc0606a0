import threading
from collections.abc import Iterator

import pytest

from eprop_core.machine import processors
from eprop_core.machine.parallel import in_order


@pytest.fixture(autouse=True)
def many_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "affinity", lambda: set(range(8)))
    monkeypatch.setattr(processors, "quotas", dict)


@pytest.mark.parametrize("n_threads", [0.5, 1, 3, 8])
@pytest.mark.parametrize("n_items", [0, 1, 1000])
def test_results_come_in_the_order_of_the_items(n_threads: float, n_items: int) -> None:
    with processors.at_most(n_threads):
        assert list(in_order(lambda number: number * number, range(n_items))) == [n * n for n in range(n_items)]


@pytest.mark.parametrize("n_threads", [1, 3])
def test_items_are_computed_on_as_many_threads_as_there_are_processors(n_threads: int) -> None:
    all_compute, first_items = threading.Barrier(n_threads), threading.local()
    seen = set()

    def compute(item: int) -> None:
        if not hasattr(first_items, "computed"):
            first_items.computed = True
            all_compute.wait(timeout=60)  # fails unless all threads are in their first item together
        seen.add(threading.get_ident())

    with processors.at_most(n_threads):
        list(in_order(compute, range(1000)))
    assert len(seen) == n_threads


def test_few_items_are_taken_before_their_results_are_needed() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(100_000):
            taken.append(number)
            yield number

    with processors.at_most(2):
        results = in_order(float, items())
        assert [next(results) for _ in range(3)] == [0.0, 1.0, 2.0]
        assert len(taken) < 200
        results.close()  # type: ignore[attr-defined]
    assert len(taken) < 200


@pytest.mark.parametrize("n_threads", [1, 3])
def test_an_error_is_raised_when_it_is_the_turn_of_its_item(n_threads: int) -> None:
    def compute(item: int) -> int:
        if item in (70, 200):
            raise ValueError(f"item {item}")
        return item

    results = []
    with processors.at_most(n_threads), pytest.raises(ValueError, match=r"^item 70$"):
        for result in in_order(compute, range(1000)):
            results.append(result)
    assert results == list(range(len(results)))
    assert 70 - 16 <= len(results) <= 70  # a thread computes some items at once


def test_a_number_of_processors_counts_in_its_block_alone() -> None:
    with processors.at_most(3):
        assert processors.available() == 3
        with processors.at_most(20):
            assert processors.available() == 8
        assert processors.available() == 3
    assert processors.available() == 8
