"""Every mistake of the table ends in an error that says what, where and how to mend it."""

import pytest

from mistakes import TABLE, told


def test_the_table_holds_sixty_mistakes():
    assert len(TABLE) >= 60
    assert len({row.what for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.make.__name__)
def test_mistake_is_told(row):
    error = told(row)
    assert error is not None, "no error at all"
    missing = [word for word in row.words if word not in str(error)]
    assert not missing, f"{type(error).__name__}: {error}"
