"""In which language a page speaks: English stands in the code, every other language in one catalogue, `locale/*.po`.

sentence      whole, as it stands in a template, or in the catalog of reports
word          context ``word``: a state, a verb, an account or a role, as it stands in the database
reason        context ``reason``: the code of a refusal; what it means in general, beside the sentence of the case
"""

import re
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"en": "English", "ko": "한국어"}
"""Each with its own name. The first is the language of the code."""

OWN = next(iter(LANGUAGES))

FOLDER = Path(__file__).parent / "locale"


def translations(language: str) -> NullTranslations:
    """What turns the sentences of the code into a language."""
    if language == OWN:
        return NullTranslations()
    compiled = BytesIO()
    with (FOLDER / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def word(spoken: NullTranslations, text: str) -> str:
    """A word of the database as people read it; one that the plant has chosen itself stays as it is."""
    return spoken.pgettext("word", text).replace("_", " ") if text else ""


def sentence(spoken: NullTranslations, text: str) -> str:
    """A sentence that stands in code, not in a template."""
    return spoken.gettext(text) if text else ""


def reason(spoken: NullTranslations, code: str) -> str:
    """What a code of a refusal means in general; empty in the language of the code, which has the case's sentence."""
    told = spoken.pgettext("reason", code)
    return "" if told == code else told


def preferred(accepted: str) -> str:
    """The language that ``Accept-Language`` names first of those there are."""
    wanted = (tag.lower() for tag in re.findall(r"(?:^|,)\s*([A-Za-z]+)", accepted[:200]))
    return next((tag for tag in wanted if tag in LANGUAGES), OWN)
