import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from craft_core.threads import one_thread


def most_threads() -> int:
    return max(one["num_threads"] for one in threadpool_info())


def test_the_limit_holds_until_the_last_one_is_out() -> None:
    """Two sessions overlap; the first to leave must not lift the limit under the other."""
    with threadpool_limits(2):
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        assert most_threads() == 1
        first.__exit__(None, None, None)
        assert most_threads() == 1
        second.__exit__(None, None, None)
        assert most_threads() == 2


def test_an_error_inside_lifts_the_limit() -> None:
    with threadpool_limits(2):
        with pytest.raises(ZeroDivisionError), one_thread():
            1 / 0  # noqa: B018 -- the error is the point
        assert most_threads() == 2
