"""Each code of a note has a sentence as its title."""

from pathlib import Path

from syncjobs.words import losses
from syncjobs.words.losses import loss_title

#: Codes that every mapping shares, whether or not a source needs them.
SHARED = {"unknown_holder", "invalid_email"}
ROOT = Path(losses.__file__).parents[2]


def test_a_code_becomes_a_sentence() -> None:
    assert loss_title("contact_method_off", "It is off.") == "Contact methods are switched off at the source."
    assert loss_title("overrides_not_told", "They came without.") == "The source did not report: overrides."
    assert loss_title("override_without_time", "x") == "Overrides that end when they start have no effect."
    assert loss_title("forwarding_out_of_time", "x") == "Forwarding rules before 1900 or after 2200 were left out."
    assert loss_title("absence_without_end", "x") == "Absences that end after 2200 have no end here."
    assert loss_title("from_a_new_provider", "It came without a name.") == "It came without a name."


def test_every_title_is_a_sentence_about_a_code_in_use() -> None:
    sources = [path.read_text() for room in ("connectors", "syncjobs/runs") for path in (ROOT / room).rglob("*.py")]
    for code, sentence in losses._SENTENCES.items():
        assert sentence[0].isupper() and sentence.endswith(".") and "_" not in sentence
        assert code in SHARED or any(f'"{code}"' in source for source in sources), code
