"""Persons that users name: names, addresses, and ORCID iDs with their check characters."""

from __future__ import annotations

import pytest

from ptyproof.errors import InputError
from ptyproof.provenance.persons import Person, check_character, person_of

# iDs that orcid.org gives as examples, one of them with the check character X
KNOWN = ["0000-0002-1825-0097", "0000-0001-5109-3700", "0000-0002-1694-233X"]


@pytest.mark.parametrize("orcid", KNOWN)
def test_the_check_character_is_that_of_known_ids(orcid: str) -> None:
    assert check_character(orcid) == orcid[-1]


@pytest.mark.parametrize("orcid", KNOWN)
def test_each_wrong_digit_and_each_exchange_of_neighbors_is_found(orcid: str) -> None:
    digits = orcid.replace("-", "")
    changed = {digits[:n] + str(d) + digits[n + 1 :] for n in range(15) for d in range(10)} - {digits}
    changed |= {digits[:n] + digits[n + 1] + digits[n] + digits[n + 2 :] for n in range(14)} - {digits}
    for wrong in changed:
        with pytest.raises(InputError):
            person_of("-".join(wrong[n : n + 4] for n in range(0, 16, 4)), "--agent")


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("Ada Lovelace", Person("Ada Lovelace")),
        ("Ada <ada@example.org>", Person("Ada", None, "ada@example.org")),
        ("J. C. <0000-0002-1825-0097>", Person("J. C.", "https://orcid.org/0000-0002-1825-0097")),
        ("J. C. <https://orcid.org/0000-0002-1825-0097>", Person("J. C.", "https://orcid.org/0000-0002-1825-0097")),
        *(
            (text, Person("https://orcid.org/0000-0002-1825-0097", "https://orcid.org/0000-0002-1825-0097"))
            for text in (
                "0000-0002-1825-0097",
                "orcid.org/0000-0002-1825-0097",
                "http://orcid.org/0000-0002-1825-0097/",
            )
        ),
        ("https://example.org/me", Person("https://example.org/me", "https://example.org/me")),
    ],
)
def test_a_person_is_read(text: str, person: Person) -> None:
    assert person_of(text, "--agent") == person


ORCIDS = ["0000", "0000-0002-1825-00977", "0000-0002-1825-009x", "0000-0002-1825-0098"]


@pytest.mark.parametrize(
    "text",
    ["", " ", "a\nb", "\u202ea", "x" * 300, "Ada <>", "<ada@example.org>", "Ada <ada>", "Ada <a@b> <c@d>"]
    + [f"https://orcid.org/{orcid}" for orcid in ORCIDS]
    + ["0000-0002-1825-0098", "Ada <0000-0002-1825-0098>"],
)
def test_what_is_no_person_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--agent"):
        person_of(text, "--agent")
