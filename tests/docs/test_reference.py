"""The pages of the reference are as the source gives them."""

from __future__ import annotations

import pytest

from docs.reference import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_generated(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run `make docs`"
