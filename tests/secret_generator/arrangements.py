"""How the words of a phrase stand beside one another, and what a whole phrase gets wrapped in."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.secret_generator.bip39 import CHINESE, LANGUAGES, LATIN
from tests.secret_generator.planted import Run
from tests.secret_generator.spelling import ZERO_WIDTH

Words = Sequence[Run]
EMOJI = ("🔥", "🚀", "✅", "💎", "👉", "⭐️", "🙏🏻", "🍀")
CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳㉑㉒㉓㉔"


@dataclass(frozen=True)
class Arrangement:
    """A way to line up words.

    certain: the design names it, so a valid checksum must do without a cue
    cue: it hides the words' order or borders, so that only a cue tells the finder
    """

    arrange: Callable[[random.Random, Words], list[Run]]
    languages: tuple[str, ...] = LANGUAGES
    certain: bool = False
    cue: bool = False


def joined(words: Iterable[Run], separator: str | Callable[[], str]) -> list[Run]:
    runs: list[Run] = []
    for word in words:
        if runs:
            runs.append(Run(separator if isinstance(separator, str) else separator()))
        runs.append(word)
    return runs


def around_each(words: Iterable[Run], before: str, behind: str = "", *, first: int = 1) -> list[Run]:
    """Each word between two pieces of text, in which {n} stands for its number and {o} for that in a circle."""
    return [
        run
        for n, word in enumerate(words, start=first)
        for run in (Run(_filled(before, n)), word, Run(_filled(behind, n)))
        if run.text
    ]


def _filled(pattern: str, n: int) -> str:
    return pattern.replace("{n}", str(n)).replace("{o}", CIRCLED[n - 1])


def _between(*separators: str) -> Callable[[random.Random, Words], list[Run]]:
    """One of the separators, the same between all words."""
    return lambda rng, words: joined(words, rng.choice(separators))


def _around(*patterns: tuple[str, str]) -> Callable[[random.Random, Words], list[Run]]:
    def arrange(rng: random.Random, words: Words) -> list[Run]:
        before, behind = rng.choice(patterns)
        return _without_last_space(around_each(words, before, behind))

    return arrange


def _without_last_space(runs: list[Run]) -> list[Run]:
    last = runs[-1]
    return runs if last.secret is not None else [*runs[:-1], Run(last.text.rstrip(" \n,;，；"))]


def _in_rows(rng: random.Random, words: Words) -> list[Run]:
    width = rng.choice((3, 4, 6))
    return [
        run
        for start in range(0, len(words), width)
        for run in (*([Run("\n")] if start else []), *joined(words[start : start + width], " "))
    ]


def _in_groups(rng: random.Random, words: Words) -> list[Run]:
    """Chinese characters in threes, fours or sixes: 的一是 在不了."""
    width, gap = rng.choice((3, 4, 6)), rng.choice((" ", "\n", "，", "  "))
    return [run for n, word in enumerate(words) for run in (*([Run(gap)] if n and n % width == 0 else []), word)]


def _two_columns(rng: random.Random, words: Words) -> list[Run]:
    """The first half in the left column, the second in the right: read by lines, the order is wrong."""
    half = (len(words) + 1) // 2
    numbers, gap = rng.random() < 0.6, rng.choice(("    ", "\t", " | "))
    runs: list[Run] = []
    for row in range(half):
        for at in (row, row + half):
            if at < len(words):
                runs += [
                    Run(gap if at >= half else "\n" if row else ""),
                    Run(f"{at + 1}. " if numbers else ""),
                    words[at],
                ]
    return runs


def _reversed(rng: random.Random, words: Words) -> list[Run]:
    return joined(reversed(words), rng.choice((" ", ", ", "\n")))


def _camel(rng: random.Random, words: Words) -> list[Run]:
    return [word._replace(text=word.text[0].upper() + word.text[1:]) for word in words]


def _emoji(rng: random.Random, words: Words) -> list[Run]:
    pad = rng.choice(("", " "))
    return joined(words, lambda: pad + rng.choice(EMOJI) + pad)


def _zero_width_between(rng: random.Random, words: Words) -> list[Run]:
    return joined(words, lambda: rng.choice((f" {rng.choice(ZERO_WIDTH)}", f"{rng.choice(ZERO_WIDTH)} ")))


def _json_array(rng: random.Random, words: Words) -> list[Run]:
    gap = rng.choice((",", ", ", ",\n  "))
    return [Run('["'), *joined(words, f'"{gap}"'), Run('"]')]


def _csv_row(rng: random.Random, words: Words) -> list[Run]:
    edge, gap = rng.choice((("", ";"), ('"', '","')))
    return [Run(f"1,main,{edge}"), *joined(words, gap), Run(edge)]


def _csv_column(rng: random.Random, words: Words) -> list[Run]:
    return [Run("no,word"), *around_each(words, "\n{n},")]


def _table(rng: random.Random, words: Words) -> list[Run]:
    return [Run("| no | word |\n|---|---|"), *around_each(words, "\n| {n} | ", " |")]


def _html_table(rng: random.Random, words: Words) -> list[Run]:
    return [Run("<table>"), *around_each(words, "<tr><td>{n}</td><td>", "</td></tr>"), Run("</table>")]


def _html_list(rng: random.Random, words: Words) -> list[Run]:
    gap = rng.choice(("", "\n"))
    return [Run("<ol>"), *around_each(words, f"{gap}<li>", "</li>"), Run("</ol>")]


ARRANGEMENTS: dict[str, Arrangement] = {
    "spaces": Arrangement(_between(" ", "  "), certain=True),
    "lines": Arrangement(_between("\n", "\n\n", "\r\n"), certain=True),
    "rows": Arrangement(_in_rows, certain=True),
    "numbered_dot": Arrangement(_around(("{n}. ", "\n"), ("{n}.", " "), ("{n}. ", " ")), certain=True),
    "numbered_paren": Arrangement(_around(("{n}) ", "\n"), ("({n}) ", " "), ("{n})", " ")), certain=True),
    "numbered_colon": Arrangement(_around(("{n}:", "\n"), ("{n}: ", " "), ("{n}：", "，")), certain=True),
    "numbered_bare": Arrangement(_around(("{n} ", "\n"), ("{n} ", " ")), certain=True),
    "numbered_circled": Arrangement(_around(("{o}", " "), ("{o} ", "\n")), certain=True),
    "numbered_hash": Arrangement(_around(("#{n} ", "\n"), ("#{n} ", ", ")), certain=True),
    "numbered_zh": Arrangement(_around(("第{n}个 ", "\n"), ("第{n}个：", "，"), ("第{n}个是 ", "\n"))),
    "commas": Arrangement(_between(",", ", ", "，", "、"), certain=True),
    "dashes": Arrangement(_between("-", " - ", " — ", "–")),
    "slashes": Arrangement(_between("/", " / ")),
    "pipes": Arrangement(_between("|", " | ")),
    "tabs": Arrangement(_between("\t"), certain=True),
    "bullets": Arrangement(_around(("- ", "\n"), ("* ", "\n"), ("• ", "\n"), ("· ", "\n")), certain=True),
    "bold": Arrangement(_around(("**", "** "), ("<b>", "</b> "), ("`", "` "))),
    "quoted_words": Arrangement(_around(('"', '" '), ("'", "', "), ("“", "” "), ("「", "」"))),
    "emoji": Arrangement(_emoji),
    "zero_width_between": Arrangement(_zero_width_between, certain=True),
    "interleaved": Arrangement(_around(("word {n} is ", ", "), ("Word {n}: ", "\n"), ("第{n}个词是 ", "，"))),
    "json_array": Arrangement(_json_array),
    "csv_row": Arrangement(_csv_row),
    "csv_column": Arrangement(_csv_column),
    "table": Arrangement(_table),
    "html_list": Arrangement(_html_list),
    "html_table": Arrangement(_html_table),
    "html_breaks": Arrangement(_between("<br>", "<br/>\n")),
    "html_nbsp": Arrangement(_between("&nbsp;", "\u00a0")),
    "escaped_newlines": Arrangement(_between("\\n"), cue=True),
    "camel": Arrangement(_camel, (*LATIN, "russian")),
    "two_columns": Arrangement(_two_columns, cue=True),
    "reversed": Arrangement(_reversed, cue=True),
    "ideographic_space": Arrangement(_between("\u3000"), ("japanese", *CHINESE), certain=True),
    "unspaced": Arrangement(_between(""), CHINESE, cue=True),
    "grouped": Arrangement(_in_groups, CHINESE, cue=True),
}


def _json_string(rng: random.Random, runs: list[Run]) -> list[Run]:
    key = rng.choice(("note", "text", "memo", "value"))
    # A line break becomes \\n, which clings to the word behind it.
    inside = [run._replace(text=json.dumps(run.text, ensure_ascii=False)[1:-1]) for run in runs]
    return [Run(f'{{"{key}": "'), *inside, Run('"}')]


def _wrapped_in(*pairs: tuple[str, str]) -> Callable[[random.Random, list[Run]], list[Run]]:
    def wrap(rng: random.Random, runs: list[Run]) -> list[Run]:
        before, behind = rng.choice(pairs)
        return [Run(before), *runs, Run(behind)]

    return wrap


WRAPPINGS: dict[str, Callable[[random.Random, list[Run]], list[Run]]] = {
    "in_quotes": _wrapped_in(('"', '"'), ("'", "'"), ("“", "”"), ("「", "」"), ("«", "»")),
    "in_brackets": _wrapped_in(("(", ")"), ("[", "]"), ("【", "】"), ("<", ">")),
    "code_fence": _wrapped_in(("```\n", "\n```"), ("```text\n", "\n```")),
    "inline_code": _wrapped_in(("`", "`")),
    "html_paragraph": _wrapped_in(("<p>", "</p>"), ('<div class="post"><p>', "</p></div>"), ("<pre>", "</pre>")),
    "json_string": _json_string,
}
