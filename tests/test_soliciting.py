"""Advertising that names troubles sinks; a customer who wants to be called does not."""

from __future__ import annotations

import pytest

from aggregator.inquiry import Understanding
from aggregator.triage import judge, search_text, understand


def read(text: str) -> Understanding:
    (grade,) = judge([search_text(text)])
    return understand(text, grade, lang=None, public=True, followers=None, secrets=[], staff=False, points={})


@pytest.mark.parametrize(
    "text",
    [
        "提现失败、账户冻结的朋友联系我微信 xx888，专业处理",
        "提現失敗、帳戶凍結的朋友聯繫我微信 xx888，專業處理",
        "钱包打不开、提现失败？联系专业团队 QQ 8812345",
        "帐户异常/风控/提不了币 都可解 加飞机 @unlock88",
        "U被骗的兄弟可以找我，已帮助几百人追回",
        "Anyone whose withdrawal failed or account frozen contact me on whatsapp +1 555 0100, we fix it",
        "Withdrawal stuck? Account locked? DM our experts now",
    ],
)
def test_who_offers_to_mend_the_troubles_of_others_is_bait(text: str) -> None:
    understood = read(text)
    assert [reason.rule for reason in understood.reasons] == ["bait"]
    assert (understood.kind, understood.thanks) == ("noise", False)


@pytest.mark.parametrize(
    "text",
    [
        "提现失败，联系我微信 xx888",
        "账户被冻结了，有客服的话加我微信 xx888",
        "我的提现失败三天了，请联系我 微信 xx888",
        "提现失败了，麻烦专业的人处理一下，联系我",
        "提现失败，希望你们专业处理，我微信 xx888",
        "同样提现失败的朋友加我微信，一起想办法",
        "提现失败的朋友可以加群一起维权",
        "my withdrawal failed, contact me on whatsapp +1 555 0100",
        "My account is frozen and your team said it's guaranteed, whatsapp me",
    ],
)
def test_who_has_a_trouble_himself_complains(text: str) -> None:
    understood = read(text)
    assert "bait" not in {reason.rule for reason in understood.reasons}
    assert understood.kind == "complaint"
