"""Results of comparisons as rows of a table."""

from dataclasses import replace

from oncall.rendering.differences import Comparison
from oncall.rendering.spec import Participant, person
from syncjobs.parity.causes import CAUSES
from syncjobs.parity.compare import ExplainedDifference, Measurement
from syncjobs.parity.words import REASONS, Line, as_json, difference_in_words, row_of

NOTE = "compared without 2 overrides that could not be read"
EQUAL = Measurement(0, 60, (), Comparison(60, 60, 0, 0, 0, ()), note=NOTE)


def line(measured: Measurement) -> Line:
    return Line("S1", "Primary", measured, "3:")


def test_an_equal_result_says_what_was_missing() -> None:
    assert row_of(line(EQUAL))[-1] == NOTE
    assert row_of(line(replace(EQUAL, note="")))[-1] == ""
    assert as_json(line(EQUAL))["note"] == NOTE


def test_a_difference_comes_before_what_was_missing() -> None:
    difference = ExplainedDifference(0, 60, (person("3:U1"),), (), "unread element")
    measured = replace(EQUAL, differences=(difference,))
    assert row_of(line(measured))[-1] == f"from 1970-01-01T00:00:00Z: there U1, here nobody (unread element); {NOTE}"


def test_a_difference_is_one_line_with_its_reason() -> None:
    assert REASONS.keys() == set(CAUSES)
    assert difference_in_words(line(EQUAL)) == ""
    for cause, reason in REASONS.items():
        difference = ExplainedDifference(0, 60, (person("3:U1"),), (), cause)
        assert difference_in_words(line(replace(EQUAL, differences=(difference,)))) == (
            f"Primary differs from 1970-01-01T00:00:00Z on: there U1, here nobody. {reason}"
        )


def test_an_unknown_holder_has_the_name_of_the_source() -> None:
    unknown = Participant("unknown", "3:group:g1")
    difference = ExplainedDifference(0, 60, (person("3:U1"),), (unknown,), "unsupported element")
    measured = replace(EQUAL, differences=(difference,), note="")
    assert row_of(line(measured))[-1] == (
        "from 1970-01-01T00:00:00Z: there U1, here somebody unknown (group g1) (unsupported element)"
    )
    assert as_json(line(measured))["differences"][0]["ours"] == ["unknown:group:g1"]
