"""Persons as users name them: a name, `NAME <mail or ORCID iD>`, an ORCID iD, or another URL.

The last character of an ORCID iD is a check character by ISO 7064, MOD 11-2, so that an iD with a wrong digit is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ptyproof.errors import InputError

ORCID = "https://orcid.org/"
_LONGEST = 200
_ID = re.compile(r"[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]")
_LIKE_AN_ID = re.compile(r"\w{4}-\w{4}-\w{4}-\w{4}")
_AT_ORCID = re.compile(r"(?:https?://)?(?:www\.)?orcid\.org/", re.IGNORECASE)
_NAMED = re.compile(r"([^<>]*[^<>\s])\s*<([^<>]+)>")
_MAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")


@dataclass(frozen=True)
class Person:
    """A person: the name, the URL that identifies them, of ORCID or another, and an address, as far as known."""

    name: str
    url: str | None = None
    email: str | None = None

    def __str__(self) -> str:
        contact = self.email or self.url
        return self.name if contact in (None, self.name) else f"{self.name} <{contact}>"


def person_of(text: str, option: str) -> Person:
    """Return the person that the value of an option names.

    Raises
    ------
    InputError
        If it is not a line of text, or its ORCID iD or address is none.
    """
    refuse_lines(text, option)
    named = _NAMED.fullmatch(text.strip())
    if named is None:
        url = orcid_of(text.strip(), option) or (text if is_url(text) else None)
        if url is None and ("<" in text or ">" in text):
            raise InputError(f"{option} must be NAME or NAME <mail or ORCID iD>, got {text!r}")
        return Person(url or text.strip(), url)
    name, contact = named[1].strip(), named[2].strip()
    url = orcid_of(contact, option)
    if url is None and not _MAIL.fullmatch(contact):
        raise InputError(f"{option}: a mail address or an ORCID iD must stand between < and >, got {contact!r}")
    return Person(name, url, contact if url is None else None)


def refuse_lines(text: str, option: str) -> None:
    """Refuse a value of an option that is not one line of text that people can read.

    Raises
    ------
    InputError
        Names option and value.
    """
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST:
        raise InputError(f"{option} must be a line of text of at most {_LONGEST} characters, got {text[:80]!r}")


def orcid_of(text: str, option: str) -> str | None:
    """Return the URL of an ORCID iD, or None where a text is not written as one.

    Raises
    ------
    InputError
        If it is written as one and its form or its check character is wrong.
    """
    at_orcid = _AT_ORCID.match(text)
    if at_orcid is None and not _LIKE_AN_ID.fullmatch(text):
        return None
    found = text if at_orcid is None else text[at_orcid.end() :].rstrip("/")
    if not _ID.fullmatch(found):
        raise InputError(f"{option}: an ORCID iD has the form 0000-0000-0000-000X, got {found!r}")
    if check_character(found) != found[-1]:
        said = f"its last character must be {check_character(found)}"
        raise InputError(f"{option}: {found} is not an ORCID iD: {said}, so a digit of it is wrong")
    return f"{ORCID}{found}"


def check_character(orcid: str) -> str:
    """Return the check character of an ORCID iD by its first 15 digits (ISO 7064, MOD 11-2)."""
    total = 0
    for digit in orcid.replace("-", "")[:15]:
        total = (total + int(digit)) * 2
    found = (12 - total % 11) % 11
    return "X" if found == 10 else str(found)


def is_url(text: str) -> bool:
    """Tell whether a text is the address of a page."""
    return text.startswith(("https://", "http://")) and " " not in text
