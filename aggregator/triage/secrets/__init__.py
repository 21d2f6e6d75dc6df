"""Secrets that people paste, found and masked before anything else sees the text (docs/reliability.md).

`mask` keeps a text's length in UTF-16 units, `mask_record` walks a parsed record and `mask_records` a page of them,
`cover` blackens what is known to be one,
`gate` looks into a payload that does not parse, `PhraseWindow` sees a phrase that is sent word by word.
"""

from aggregator.triage.secrets.cover import cover, cover_markup, cover_words, hidden
from aggregator.triage.secrets.finder import find, mask
from aggregator.triage.secrets.found import Found, Kind
from aggregator.triage.secrets.payload import gate
from aggregator.triage.secrets.record import mask_record, mask_records
from aggregator.triage.secrets.window import LONGEST, PhraseWindow, may_be_piece

__all__ = [
    "LONGEST",
    "Found",
    "Kind",
    "PhraseWindow",
    "cover",
    "cover_markup",
    "cover_words",
    "find",
    "gate",
    "hidden",
    "mask",
    "mask_record",
    "mask_records",
    "may_be_piece",
]
