"""Plays one case of a table."""

from collections.abc import Sequence

from tests.properties.agree import compare, script
from tests.properties.sides import Outcome, Side, Step

from .language import Case, Row, Writer, parts, shown_reply, shown_state


def play_case(case: Case, sides: Sequence[Side]) -> None:
    """Run the rows of a case on all sides; the sides must agree, and each row must be as it says."""
    writer = Writer()
    steps: list[Step] = []
    for side in sides:
        side.reset()
    for row in case.rows:
        for _ in range(row.times):
            steps.append(writer.step(row))
            outcome = compare(steps, sides)
            writer.learn(outcome)
        problems = problems_of(row, steps[-1], outcome)
        assert not problems, f"{row.where}: {case.title}\n" + "\n".join(problems) + "\n\n" + script(steps)


def problems_of(row: Row, step: Step, outcome: Outcome) -> list[str]:
    """What is not as the row says."""
    found: list[str] = []
    expected_reply = "; ".join(" ".join(words) for words in parts(row.reply))
    reply = shown_reply(step, outcome.reply, row.reply)
    if reply != expected_reply:
        found.append(f"reply: expected {expected_reply!r}, got {reply!r}")
    for words in parts(row.state):
        subject, expected = subject_of(words)
        shown = shown_state(outcome.state, subject, expected)
        if subject == "events":  # the newest of them; `stream` is all
            shown = shown[-len(expected) :]
        if shown != expected:
            found.append(f"{subject}: expected {expected}, got {shown}")
    return found


def subject_of(words: list[str]) -> tuple[str, list[str]]:
    """`job a: x=1 y=2` as its subject and its words."""
    for i, word in enumerate(words):
        if word.endswith(":"):
            return " ".join([*words[:i], word[:-1]]), words[i + 1 :]
    raise ValueError(f"{words}: a part of a state is `subject: words`")
