"""What is wrong in the text of a plant: file, line, what is so, and what would be right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from mes.errors import Malformed, Reason

MOST_LISTED = 12
"""Names that a hint lists."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake. ``line`` counts from 1; ``code`` is stable; ``hint`` says what would be right."""

    file: str
    line: int
    code: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}; {self.hint}"


class PlantProblems(Malformed):
    """The text of a plant cannot be used; ``problems`` lists every mistake."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        mistakes = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__(
            f"The plant has {mistakes}; correct the text and try again.",
            *(Reason(problem.code, str(problem), "administrator") for problem in problems),
        )
        self.problems = tuple(problems)


def choice(word: str, options: Iterable[str]) -> str:
    """A hint for an unknown word: the option that was probably meant, or else the options there are."""
    listed = sorted(set(options))
    close = get_close_matches(word, listed, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    if not listed:
        return "there is none yet"
    more = f" and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
    return f"there is {', '.join(listed[:MOST_LISTED])}{more}"
