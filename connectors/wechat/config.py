"""The settings of an official account."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, HttpUrl, model_validator

from connectors.contract import Duration, SourceConfig
from connectors.secret import Secret


def _written(article: object) -> object:
    """YAML reads a msg_data_id alone as a number."""
    return str(article) if isinstance(article, int) and not isinstance(article, bool) else article


class WeChatConfig(SourceConfig):
    """What a source of this connector is told."""

    appid: str = Field(pattern=r"^wx[0-9A-Za-z]+$", description="The account's AppID.")
    secret: Secret = Field(description="The account's AppSecret.")
    callback_token: Secret | None = Field(
        default=None, description="Token of the server configuration; without one no callback is accepted."
    )
    encoding_aes_key: Secret | None = Field(
        default=None, description="EncodingAESKey of the server configuration, for the safe mode."
    )
    passive_reply: str = Field(
        default="", max_length=600, description="What people are told at once, once a day; empty: nothing."
    )
    comments: bool = Field(default=True, description="Read the comments under the account's articles.")
    comments_for: Duration = Field(
        default=timedelta(days=14), gt=timedelta(0), description="For how long an article's comments are read."
    )
    articles: frozenset[Annotated[str, BeforeValidator(_written)]] = Field(
        default=frozenset(), description="Articles to read besides: msg_data_id, and _ and its position from 1."
    )
    agent_chats: Literal["none", "answers", "all"] = Field(
        default="none", description="Chats with human agents: what agents answer, or what customers write too."
    )
    api: HttpUrl = Field(default=HttpUrl("https://api.weixin.qq.com"), description="Or a relay with a fixed address.")
    timeout: float = Field(default=30.0, gt=0, description="Seconds to wait for an answer.")

    @model_validator(mode="after")
    def _fits(self) -> WeChatConfig:
        if self.encoding_aes_key and not self.callback_token:
            raise ValueError("encoding_aes_key is for callbacks, which need callback_token too")
        if self.agent_chats == "all" and self.callback_token:
            raise ValueError("with callbacks, agent_chats: all would store each message twice; write answers")
        for article in self.articles:
            number, _, position = article.partition("_")
            if not (number.isdecimal() and (position or "1").isdecimal()) or position == "0":
                raise ValueError("articles are written as 2247483789 or 2247483789_1")
        return self

    def places(self) -> frozenset[tuple[int, int]]:
        """The named articles by msg_data_id and index, which begins at 0."""
        parts = (article.partition("_") for article in self.articles)
        return frozenset((int(number), int(position or "1") - 1) for number, _, position in parts)
