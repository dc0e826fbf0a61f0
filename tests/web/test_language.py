"""English and Korean: no sentence is missing, none is left over, none has lost what stands in its gaps."""

import re

import pytest
from babel.messages.pofile import read_po

from mes.web.language import FOLDER, LANGUAGES, OWN, preferred
from tests.web.sentences import Sentence, all_sentences, naked, templates

OTHERS = [language for language in LANGUAGES if language != OWN]
SAID_BY_US = {"Interposer", "CSV", "JSON", "E142 XML", "Excel", "Parquet", "API", "SHA-256", "UCUM", "PDF", "ZPL"}
"""Names, the same in every language."""
GAP = re.compile(r"%\((\w+)\)|%%")


def catalogue(language: str) -> dict[Sentence, str]:
    with (FOLDER / f"{language}.po").open("rb") as file:
        said = {
            (message.context or "", message.id if isinstance(message.id, str) else message.id[0]): message.string
            for message in read_po(file, locale=language)
            if message.id
        }
    return {sentence: text if isinstance(text, str) else (text or [""])[0] for sentence, text in said.items()}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_has_its_translation(language: str) -> None:
    said = catalogue(language)
    missing = [sentence for sentence in sorted(all_sentences()) if not said.get(sentence)]
    assert not missing, "to be put into the catalogue:\n" + "\n".join(map(entry, missing))


@pytest.mark.parametrize("language", OTHERS)
def test_no_translation_is_left_of_a_sentence_that_is_gone(language: str) -> None:
    assert sorted(set(catalogue(language)) - all_sentences()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_what_is_filled_in(language: str) -> None:
    for (_, sentence), text in catalogue(language).items():
        assert sorted(GAP.findall(text)) == sorted(GAP.findall(sentence)), sentence


@pytest.mark.parametrize("template", templates(), ids=lambda file: file.name)
def test_no_template_speaks_past_the_catalogue(template: object) -> None:
    text = template.read_text()  # type: ignore[attr-defined]
    assert [said for said in naked(text) if said.strip(" ·\u00a0") not in SAID_BY_US] == []


def test_a_naked_word_would_be_found() -> None:
    assert naked('<p title="A hint">{{ _("said") }} forgotten</p>') == [" forgotten", "A hint"]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("de-DE,de;q=0.9,ko;q=0.5", "ko"), ("fr", "en"), ("en,ko", "en")],
)
def test_a_browser_is_answered_in_its_language(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


def entry(sentence: Sentence) -> str:
    """As it stands in a catalogue."""
    context, text = sentence
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return (f'msgctxt "{context}"\n' if context else "") + f'msgid "{quoted}"\nmsgstr ""\n'
