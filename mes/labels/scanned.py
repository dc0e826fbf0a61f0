"""What scanners send beside the code: the name of the symbology, control characters, fields of a supplier's label."""

import re

LONGEST = 200
"""Characters of a code; nothing that could be named has a longer one."""
MOST = 20
"""Readings of one scan that are looked for."""

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")
"""What ISO/IEC 15424 lets a scanner put before the code: ``]d1`` of a Data Matrix, ``]d2`` of one with FNC1."""
ENVELOPE = "[)>"
"""How a message of ISO/IEC 15434 begins: the number of its format follows, then fields, control characters between."""
IDENTIFIER = re.compile(r"[0-9]{0,3}[A-Z]")
"""What ISO/IEC 15418 puts before a field of format 06: ``1T`` a lot, ``S`` a serial number."""


def readings(scanned: str) -> list[str]:
    """The codes that a scan may mean, as it came first; none where nothing in it could be a code.

    Anything may come: what cannot be stored as text is left out, and a field too long for a code is none.
    """
    fields = [field.strip() for field in CONTROLS.split(scanned.encode(errors="ignore").decode())]
    fields = [field for field in fields if field]
    if not fields:
        return []
    bare = SYMBOLOGY.sub("", fields[0], count=1) if SYMBOLOGY.match(fields[0]) else fields[0]
    meant = [fields[0], bare, *fields[1:]]
    if bare == ENVELOPE:
        meant = [way for field in fields[2:] for way in (field, IDENTIFIER.sub("", field, count=1))]
    return [code for code in dict.fromkeys(meant) if 0 < len(code) <= LONGEST][:MOST]
