"""Secrets in parsed records, in payloads that do not parse, and in messages sent word by word."""

from __future__ import annotations

import base64
import json
import urllib.parse
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.triage.secrets import PhraseWindow, gate, mask_record, may_be_piece

PHRASE = "earth together pond inhale main camp grow bronze sad treat velvet report"
WORDS = PHRASE.split()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_phrase_split_over_an_array_is_masked() -> None:
    masked, found = mask_record({"words": list(WORDS)})
    assert masked == {"words": ["█" * len(word) for word in WORDS]}
    assert [one.kind for one in found] == ["phrase"]


def test_a_phrase_split_over_the_fields_of_an_object_is_masked() -> None:
    masked, _ = mask_record({f"word{n}": word for n, word in enumerate(WORDS)})
    assert masked == {f"word{n}": "█" * len(word) for n, word in enumerate(WORDS)}


def test_a_phrase_split_over_message_segments_is_masked() -> None:
    def said(text: str) -> dict[str, object]:
        return {"type": "text", "data": {"text": text}}

    face = {"type": "face", "data": {"id": "14"}}
    message = [said(" ".join(WORDS[:3])), face, said(" ".join(WORDS[3:]))]
    masked, _ = mask_record({"message": message})  # type: ignore[dict-item]  # lists are invariant
    hidden = [said("█" * len(" ".join(WORDS[:3]))), face, said("█" * len(" ".join(WORDS[3:])))]
    assert masked == {"message": hidden}


def test_a_name_beside_a_whole_phrase_stays_readable() -> None:
    answer = [{"text": f"my words: {PHRASE}"}, {"text": "@popo_phone please delete that"}]
    masked, _ = mask_record({"message": answer})  # type: ignore[dict-item]  # lists are invariant
    assert masked == {"message": [{"text": f"my words: {'█' * len(PHRASE)}"}, answer[1]]}


def test_a_string_that_holds_json_is_masked_and_still_parses() -> None:
    inner = json.dumps({"note": "助记词 " + PHRASE, "id": 5})
    masked, _ = mask_record({"payload": inner})
    assert isinstance(masked, dict)
    assert json.loads(str(masked["payload"])) == {"note": "助记词 " + "█" * len(PHRASE), "id": 5}


def test_a_key_file_as_an_array_of_numbers_is_masked() -> None:
    masked, found = mask_record({"key": [7] * 64, "wave": [7] * 63})
    assert masked == {"key": ["█"] * 64, "wave": [7] * 63}
    assert [one.kind for one in found] == ["solana_key"]


def test_numbers_that_are_no_key_and_not_called_so_stay() -> None:
    record = {"pixels": [*range(64)]}
    assert mask_record(record)[0] is record  # type: ignore[arg-type]  # dicts are invariant


def test_masks_in_a_keystore_are_as_long_as_in_utf16() -> None:
    masked, _ = mask_record({"ciphertext": "a🔑"})
    assert masked == {"ciphertext": "███"}


def test_a_keystore_as_an_object_is_masked() -> None:
    masked, found = mask_record({"crypto": {"cipher": "aes", "ciphertext": "ab" * 32, "kdfparams": {"n": 8}}})
    assert masked == {"crypto": {"cipher": "███", "ciphertext": "█" * 64, "kdfparams": {"n": 8}}}
    assert [one.kind for one in found] == ["keystore"]


def test_the_name_of_a_field_says_what_its_digits_are() -> None:
    digits = "5f2b8c1d" * 8
    masked, _ = mask_record({"tx_hash": digits, "file_id": digits, "private_key": digits, "text": digits})
    assert masked == {
        "tx_hash": digits,
        "file_id": digits,
        "private_key": "█" * 64,
        "text": digits[:8] + "█" * 48 + digits[:8],
    }


def test_tags_and_short_strings_are_no_phrase() -> None:
    record = {"tags": ["swap", "coin", "help", "problem", "wallet"], "deep": [[["x"]]]}
    assert mask_record(record)[0] is record  # type: ignore[arg-type]  # dicts are invariant


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=40),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_record_keeps_its_shape(value: object) -> None:
    masked, found = mask_record(value)  # type: ignore[arg-type]  # JSON-like by construction
    assert found or masked is value


ENCODED = {
    "as it is": PHRASE.encode(),
    "percent": urllib.parse.quote(PHRASE).encode(),
    "form": b"text=" + urllib.parse.quote_plus(PHRASE).encode(),
    "json escapes": "".join(f"\\u{ord(c):04x}" for c in PHRASE).encode(),
    "base64": base64.b64encode(PHRASE.encode()),
    "url base64": base64.urlsafe_b64encode(("助记词" + PHRASE).encode()),
    "mime base64": base64.encodebytes(PHRASE.encode()),
    "base64 after a path": b"a/" + base64.b64encode(PHRASE.encode()),
    "utf-16": PHRASE.encode("utf-16"),
    "gb18030": ("助记词 " + PHRASE).encode("gb18030"),
    "cut json": json.dumps({"a": WORDS}).encode()[:-2],
}


@pytest.mark.parametrize("name", ENCODED)
def test_a_broken_payload_with_a_secret_does_not_pass_the_gate(name: str) -> None:
    assert gate(b'{"x": "' + ENCODED[name])


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b'{"text": "swap fails', "今天转账失败".encode("gb18030") * 9])
def test_a_broken_payload_without_a_secret_passes_the_gate(payload: bytes) -> None:
    assert not gate(payload)


def told(window: PhraseWindow, texts: list[str], every: timedelta = timedelta(seconds=20)) -> list[object]:
    return [key for i, text in enumerate(texts) for key in window.add("mia", NOON + every * i, i, text)]


def test_a_phrase_sent_word_by_word_is_known_at_its_eleventh_word() -> None:
    window = PhraseWindow()
    assert told(window, WORDS[:10]) == []
    assert window.add("mia", NOON + timedelta(minutes=5), 10, WORDS[10]) == list(range(11))
    assert window.add("mia", NOON + timedelta(minutes=5), 11, WORDS[11]) == [11]


def test_a_mistyped_word_and_a_word_a_minute_hide_none_of_a_phrase() -> None:
    slip = [*WORDS[:1], "togehter", *WORDS[2:]]
    assert told(PhraseWindow(), slip) == list(range(12))
    assert told(PhraseWindow(), WORDS, timedelta(minutes=1)) == list(range(12))


@pytest.mark.parametrize("form", ["word {} is {}", "Word #{}: {}", "第{}个单词是 {}", "第{}个词 {}"])
def test_words_that_are_sent_with_their_number_are_pieces(form: str) -> None:
    sent = [form.format(number, word) for number, word in enumerate(WORDS, 1)]
    assert all(map(may_be_piece, sent))
    assert told(PhraseWindow(), sent) == list(range(12))


@pytest.mark.parametrize("form", ["the {} is {}", "{} word is {}", "The {} word is {}"])
def test_words_that_are_sent_with_an_ordinal_are_pieces(form: str) -> None:
    ordinals = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh last"
    sent = [form.format(*each) for each in zip(ordinals.split(), WORDS, strict=True)]
    assert told(PhraseWindow(), sent) == list(range(12))


def test_numbered_pieces_and_masked_fragments_count_together() -> None:
    assert told(PhraseWindow(), ["1. earth 2. together", "pond", "█" * 60, "sad"]) == [0, 1, 3]


def test_pieces_of_two_persons_or_too_far_apart_do_not_add_up() -> None:
    window = PhraseWindow()
    for i, word in enumerate(WORDS):
        assert window.add(i % 2, NOON, i, word) == []
    assert told(PhraseWindow(), WORDS, timedelta(minutes=2)) == []


def test_ordinary_chat_is_no_phrase() -> None:
    chat = [
        "hello",
        "can you help",
        "please",
        "still there",
        "thank you",
        "help please",
        "when",
        "what now",
        "ok thanks",
    ]
    assert told(PhraseWindow(), chat + chat) == []


def test_the_window_forgets_who_was_silent_longest() -> None:
    window = PhraseWindow()
    told(window, WORDS[:10])
    for other in range(20_000):
        window.add(other, NOON, "x", "zebra")
    assert window.add("mia", NOON, 99, WORDS[10]) == []
