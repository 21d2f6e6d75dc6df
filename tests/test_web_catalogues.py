"""Both languages are whole, and what is compiled is what is written."""

from __future__ import annotations

import re

import pytest

from aggregator.config import Settings
from aggregator.folding.fold import STATE_RULES
from aggregator.triage import language
from aggregator.triage.terms import RULES
from aggregator.web import words
from aggregator.web.i18n import CHINESE, ENGLISH, LOCALE, choose
from tests import catalogues


@pytest.mark.parametrize("locale", catalogues.LOCALES)
def test_every_string_is_translated_and_none_is_fuzzy_or_left_over(locale: str) -> None:
    catalog = catalogues.read(locale)
    strings = {message.id: message for message in catalog if message.id}
    assert {message.id for message in catalogues.extracted() if message.id} == set(strings), (
        "run: python -m tests.catalogues"
    )
    assert [name for name, message in strings.items() if not message.string or message.fuzzy] == []


@pytest.mark.parametrize("locale", catalogues.LOCALES)
def test_the_compiled_catalogue_is_fresh(locale: str) -> None:
    assert catalogues.mo_file(locale).read_bytes() == catalogues.compiled(catalogues.read(locale))


@pytest.mark.parametrize("locale", catalogues.LOCALES)
def test_translations_keep_the_places_of_values(locale: str) -> None:
    places = re.compile(r"%\(\w+\)s|\{\w+\}")
    wrong = [
        message.id
        for message in catalogues.read(locale)
        if message.id and sorted(places.findall(str(message.id))) != sorted(places.findall(str(message.string)))
    ]
    assert wrong == []


def test_chinese_has_one_word_for_one_thing() -> None:
    others = re.compile(
        "认领|指派|看板|工单|档位|登出|密钥或助记词|客户(?!端|昵称|基础)|您|告警|凭证|超时|答复|同一个人|一起事件|这起事件"
        "|的咨询|在线聊天|状态通知|人反馈|创建令牌|被撤销了|不可(?:读取|调用|接收)"
    )
    said = [str(message.string) for message in catalogues.read("zh_CN") if message.id]
    assert [one for one in said if others.search(one)] == []


def test_every_rule_has_words() -> None:
    moving = {"waiting", "overdue", "repeat_contact", "first_contact", "approached", "incident_size", "band_set"}
    named = {*RULES, *STATE_RULES, *moving}
    assert named - words.RULES.keys() == set()
    assert words.RULES.keys() - named == set()


def test_every_language_that_is_told_apart_has_a_name() -> None:
    told = {*language._LATIN, "zh", "zh-Hans", "zh-Hant", "ja", "ko", "ru", "uk", "ar", "hi", "th", "und"}
    assert told - words.LANGUAGES.keys() == set()


def test_templates_never_mark_text_as_safe_and_hold_no_inline_code() -> None:
    forbidden = re.compile(r"\|\s*safe|autoescape|\bstyle=|\bon\w+=|<script(?! type=\"module\" src=)|javascript:")
    files = sorted((LOCALE.parent / "templates").glob("*.html"))
    assert [file.name for file in files if forbidden.search(file.read_text(encoding="utf-8"))] == []
    assert len(files) > 5


def test_signs_between_words_are_those_of_the_language() -> None:
    """Chinese has its own colon, comma and brackets; a sentence of the catalogue has them already."""
    sentences = re.compile(r"{% trans\b.*?{% endtrans %}", re.DOTALL)
    latin = re.compile(r"}}(?:</\w+>)?(?:: |, | \()(?={{|{%)|}}:</|{% (?:if|elif)[^}]* %}(?:[:,] | \(\))")
    files = {file: file.read_text(encoding="utf-8") for file in sorted((LOCALE.parent / "templates").glob("*.html"))}
    assert [file.name for file, text in files.items() if latin.search(sentences.sub("", text))] == []


@pytest.mark.parametrize(
    ("wishes", "lang"),
    [
        (("", None, "fr, zh-TW;q=0.8, en;q=0.5"), CHINESE),
        (("en", "zh-CN", "zh"), ENGLISH),
        ((None, "zh-CN", "en"), CHINESE),
        ((None, None, "en;q=0.1, zh;q=0"), ENGLISH),
        ((None, None, "de, *;q=x"), ENGLISH),
    ],
)
def test_the_language_is_the_setting_then_the_cookie_then_the_browsers(
    wishes: tuple[str | None, ...], lang: str
) -> None:
    assert choose(*wishes) == lang


def test_the_band_names_are_those_of_the_settings() -> None:
    assert set(type(Settings.model_fields["bands"].get_default(call_default_factory=True)).model_fields) == {
        "P0",
        "P1",
        "P2",
    }
