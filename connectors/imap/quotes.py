"""Where the author's own words end and the quoted history or a signature begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

# "On Friday ... Ann wrote:" in the languages of the mail programs that our customers use. It may be wrapped.
_WROTE: Final = re.compile(
    r"\s*(?:On\b.{4,300}\bwrote|在.{2,300}(?:写道|寫道)|于.{4,300}写道|Am\b.{4,300}\bschrieb.{0,120}"
    r"|Le\b.{4,300}\ba écrit|El\b.{4,300}\bescribió|Em\b.{4,300}\bescreveu|Il\b.{4,300}\bha scritto"
    r"|Vào\b.{4,300}\bđã viết)\s*[:：]\s*$"
)
# An address in brackets. No part of it may be one of another: else a line of nothing but `<@>` takes minutes to read.
_AT: Final = r"<[^\s<>@]+@[^\s<>]+>"
# Where the name comes first, only what looks like an address or a date tells where the sentence begins.
_ANN_WROTE: Final = re.compile(
    rf"\s*(?:.{{0,120}}[于於]\s?\d{{4}}\s?年.{{2,120}}(?:写道|寫道)|.{{4,200}}{_AT}.{{0,60}}\b(?:wrote|пишет|написал\(?а?\)?)"
    r"|\d.{4,200}\bпишет|.{0,120}\d{4}年.{2,120}さん?は?.{0,40}書きました"
    rf"|.{{4,200}}{_AT}>?(?:님이)?\s?작성|.{{4,200}}{_AT}>?\s?のメール)\s*[:：]\s*$"
)
# Gmail in Japanese and Russian says only when, and who. It counts only above lines with ">".
_WHEN_AND_WHO: Final = re.compile(rf"\s*(?=.*\d{{1,2}}:\d\d).{{4,200}}{_AT}>?\s*[:：]\s*$")
_NAMED: Final = re.compile(rf"{_AT}|[于於]\s?\d{{4}}\s?年")
_WRAPPED: Final = 3  # lines that such a sentence may take
_LONGEST_SENTENCE: Final = 500  # characters
_RULER: Final = re.compile(
    r"^\s*[-_—]{2,}\s*(?:原始邮件|原始郵件|原邮件(?:信息)?|回复的原邮件|转发(?:的)?邮件|轉寄郵件|Original\s+(?:Message|Email)|Original(?=\s*[-_—]{2})"
    r"|Forwarded\s+[Mm]essage|Replied Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original)\s*[-_—]*\s*$",
    re.IGNORECASE,
)
_FIRST_FIELD: Final = re.compile(r"^\s*\*?(?:发件人|寄件者|寄件人|From|Von|De|От|差出人|보낸\s?사람|Từ)\*?\s*[:：]")
_OTHER_FIELD: Final = re.compile(
    r"^\s*\*?(?:发送时间|发送日期|日期|时间|收件人|收件者|抄送|主题|主旨|主題|Sent|Date|To|Cc|Subject|Gesendet|An|Betreff"
    r"|Envoyé|À|Objet|Enviado|Para|Asunto|Assunto|Отправлено|Дата|Кому|Копия|Тема|送信日時|日時|日付|宛先|件名"
    r"|보낸\s?날짜|날짜|받는\s?사람|참조|제목|Đã gửi|Ngày|Tới|Đến|Chủ đề|Tiêu đề)\*?\s*[:：]"
)
# The last line of a mail. People tell of transfers in such words, too: "Sent from Binance to my wallet, 500 USDT".
_PHONE: Final = re.compile(
    r"^\s*(?:发自我的\s?\S.{0,40}|来自我的\s?\S.{0,30}|从我的\s?(?!.*[提转到账帐,，。])\S.{0,30}发送"
    r"|Sent (?:from|via) (?:my (?!.*(?:\bto\b|0x|\d{3}))\S.{0,40}"
    r"|(?:the )?(?:\w+ )?(?:Outlook|Mail|Yahoo|Proton|Gmail|Galaxy|Samsung|AOL|BlueMail|Spark|Thunderbird)\b.{0,60})"
    r"|Get Outlook for \w+.{0,60}|Von meinem .{2,40} gesendet|Envoyé de mon .{2,40})\s*$"
)
_SUBJECT: Final = re.compile(
    r"^\s*\*?(?:主题|主旨|主題|件名|Subject|Betreff|Objet|Oggetto|Asunto|Assunto|Тема|제목|Chủ đề|Tiêu đề)\*?\s*[:：]"
)
_MORE_THAN: Final = re.compile(r"^\s*>\s?\d")  # "> 48 hours now"
_TELLS: Final = re.compile(r"\d{5}|0x|[。！？!?]\s*$")  # what stands so below "--" is no signature
_PREFIX: Final = re.compile(
    r"^\s*(?:re|fw|fwd|aw|wg|sv|vs|tr|rif|res|enc|回复|回覆|答复|答覆|转发|轉寄|轉發|返信)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]\s*",
    re.IGNORECASE,
)


def own_words(text: str) -> str:
    """The text without history, signature and "sent from my phone"; all of it where nothing else would be left."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    said = _without_history(lines)
    said = _without_signature(said)
    kept = _joined(said)
    if kept:
        return kept
    unquoted = _joined([line for line in lines if not line.lstrip().startswith(">")])
    return _joined(_answers_below(lines)) or unquoted or _joined(lines)


def bare_subject(subject: str) -> str:
    """Without "Re:", "回复：" and their like, however many; in one case, blanks single."""
    return without_prefixes(subject).casefold()


def without_prefixes(subject: str) -> str:
    """As it was before anybody answered; blanks single."""
    before = None
    while subject != before:
        before, subject = subject, _PREFIX.sub("", subject)
    return " ".join(subject.split())


def is_reply_subject(subject: str) -> bool:
    return _PREFIX.match(subject) is not None


def _without_history(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    at = 0
    while at < len(lines):
        if taken := _attribution(lines, at):
            if not _quotes_follow(lines, at + taken):
                break  # the whole mail follows, without marks
            at += taken
        elif _RULER.match(lines[at]) or _is_header_block(lines, at):
            break
        elif _is_quoted(lines, at):
            at += 1
        else:
            kept.append(lines[at])
            at += 1
    return kept


def _quotes_follow(lines: Sequence[str], at: int) -> bool:
    following = next((line for line in lines[at:] if line.strip()), "")
    return following.lstrip().startswith(">")


def _is_quoted(lines: Sequence[str], at: int) -> bool:
    """A line with ">", unless it stands alone, belongs to no "... wrote:", and means "more than"."""
    if not lines[at].lstrip().startswith(">"):
        return False
    beside = [lines[number] for number in (at - 1, at + 1) if 0 <= number < len(lines)]
    alone = not any(line.lstrip().startswith(">") or line.rstrip().endswith((":", "：")) for line in beside)
    return not (alone and _MORE_THAN.match(lines[at]))


def _attribution(lines: Sequence[str], at: int) -> int:
    """How many lines from here are the one "... wrote:"; 0: none."""
    for taken in range(1, _WRAPPED + 1):
        last = lines[at + taken - 1] if at + taken <= len(lines) else ""
        if not last.strip():
            return 0
        sentence = " ".join(line.strip() for line in lines[at : at + taken])
        if len(sentence) > _LONGEST_SENTENCE:
            return 0
        if last.endswith((":", "：")):
            named = _NAMED.search(lines[at]) and _ANN_WROTE.match(sentence)
            dated = _WHEN_AND_WHO.match(sentence) and _quotes_follow(lines, at + taken)
            return taken if _WROTE.match(sentence) or named or dated else 0
    return 0


def _is_header_block(lines: Sequence[str], at: int) -> bool:
    """A mail's headers as text, as Outlook and QQ Mail quote: a sender, and two more within the next lines. One of
    them is the subject, or the sender has an address: people write From and To of a transfer, too."""
    if not _FIRST_FIELD.match(lines[at]):
        return False
    following = [line for line in lines[at + 1 : at + 9] if line.strip()][:4]
    if "@" not in lines[at] and not any(_SUBJECT.match(line) for line in following):
        return False
    return sum(_OTHER_FIELD.match(line) is not None for line in following) >= 2


def _answers_below(lines: Sequence[str]) -> list[str]:
    """What stands below a quoted mail, of one who answers at the bottom."""
    quoted = [number for number, line in enumerate(lines) if line.lstrip().startswith(">")]
    return _without_signature(lines[quoted[-1] + 1 :]) if quoted else []


def _without_signature(lines: Sequence[str]) -> list[str]:
    """Up to "-- ". Mail programs strip its blank; of a line above all text it is no signature, nor where more is told
    below it."""
    for number, line in enumerate(lines):
        if line == "--" and any(each.strip() for each in lines[:number]):
            if not any(_TELLS.search(each) for each in lines[number + 1 :]):
                lines = lines[:number]
            break
    last = next((number for number in range(len(lines) - 1, -1, -1) if lines[number].strip()), -1)
    return [line for number, line in enumerate(lines) if number != last or not _PHONE.match(line)]


def _joined(lines: Sequence[str]) -> str:
    """One text, without the ruler that stood before what was cut off."""
    last = len(lines)
    while last and not lines[last - 1].strip(" \t-_—=*"):
        last -= 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines[:last])).strip()
