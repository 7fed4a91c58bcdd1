import pytest

from oncall.numbers import row_number


@pytest.mark.parametrize(
    "text,number",
    [("7", 7), ("007", 7), ("9" * 18, 10**18 - 1), ("9" * 19, 0), ("9" * 5_000, 0), ("", 0), ("0", 0), ("-7", 0)]
    + [(text, 0) for text in ("+7", " 7", "7 ", "7.0", "1e3", "٧", "²", "seven")],
)
def test_a_text_is_the_number_of_a_row_or_of_none(text: str, number: int) -> None:
    assert row_number(text) == number
