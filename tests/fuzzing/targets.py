"""All targets."""

from __future__ import annotations

from tests.fuzzing.answers import ANSWERS
from tests.fuzzing.desk import DESK
from tests.fuzzing.documents import DOCUMENTS
from tests.fuzzing.doors import DOORS
from tests.fuzzing.mails import MAILS
from tests.fuzzing.planted import PLANTED
from tests.fuzzing.records import RECORDS
from tests.fuzzing.storing import STORING
from tests.fuzzing.target import Target
from tests.fuzzing.texts import TEXTS

TARGETS: dict[str, Target] = {
    each.name: each for each in (*RECORDS, *DOORS, *MAILS, *DOCUMENTS, *TEXTS, *PLANTED, *ANSWERS, *STORING, *DESK)
}
