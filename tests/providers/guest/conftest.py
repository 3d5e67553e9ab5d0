"""One helper with its switchboard for the tests that do it no harm."""

from collections.abc import Iterator

import pytest

from tests.providers.guest.boards import Board, connected


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with connected(tmp_path_factory.mktemp("guest")) as (board, _, _):
        yield board
