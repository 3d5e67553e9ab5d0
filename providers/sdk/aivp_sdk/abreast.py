"""Items of one batch → results, some of them side by side, each with a session of its own. Knows no kind.

For kinds whose effects last and hardly keep this process busy, such as a VM that starts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, List, Sequence, TypeVar, Union

from .errors import Bug, Canceled, ProviderError
from .process import Session

R = TypeVar("R")


def abreast(
    work: Callable[[Any, Session], R], items: Sequence[Any], session: Session, most: int
) -> List[Union[R, ProviderError]]:
    """The result of `work` for each of `items`, in order, or the error that it raised; no more than `most` at once.

    Each gets a session that is told of its own item. What has not begun when the run is stopped is canceled.
    """

    def one(item: Any) -> Union[R, ProviderError]:
        if session.is_stopped():
            return Canceled()
        try:
            return work(item, session.beside(item.id))
        except ProviderError as error:
            return error
        except Exception as error:  # noqa: BLE001  # the author's code: a bug in one item is none of the others
            return Bug.of(error)

    if most < 2 or len(items) < 2:
        return [one(item) for item in items]
    with ThreadPoolExecutor(min(most, len(items))) as pool:
        return list(pool.map(one, items))
