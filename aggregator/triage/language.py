"""Which language a post is written in, and its text in the one form that is searched.

The script decides where it can (a regular expression or two); only Latin text that shows no common English
word goes to a model.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import fasttext

MODEL = Path(__file__).with_name("lid.176.ftz")

# A simplified character, followed by its traditional form; neither is ordinary in the other script.
_DISTINCT = (
    "们們这這个個说說时時来來会會对對没沒为為过過还還给給让讓请請谢謝么麼吗嗎钱錢账帳转轉币幣现現动動开開关關门門问問"
    "题題见見观觀觉覺资資产產证證认認识識书書读讀写寫买買卖賣价價涨漲赚賺赔賠费費贵貴货貨质質贴貼贺賀赠贈骗騙骂罵"
    "马馬驱驅验驗错錯误誤诉訴讼訟诈詐词詞语語话話该該详詳诚誠调調谁誰课課谈談议議记記计計订訂讨討论論设設访訪评評试試"
    "诺諾谎謊诱誘负負责責败敗贪貪账賬户戶号號码碼网網页頁链鏈铁鐵钥鑰银銀锁鎖销銷镜鏡长長间間闪閃闭閉闻聞闹鬧阅閱队隊"
    "阳陽阴陰际際陆陸险險随隨难難电電脑腦机機务務办辦补補报報护護损損换換据據换換择擇担擔拥擁挂掛挤擠执執扩擴扫掃"
    "扬揚抢搶投投归歸当當录錄应應库庫废廢广廣庄莊庆慶张張弹彈强強径徑忆憶忧憂怀懷态態总總恶惡恼惱悬懸惊驚惨慘惯慣愤憤愿願"
    "戏戲战戰无無旧舊显顯暂暫术術权權条條极極构構标標样樣桥橋检檢楼樓汇匯汉漢沟溝泪淚洁潔浏瀏测測浓濃涛濤润潤渐漸满滿"
    "灭滅灵靈灾災炼煉点點烂爛热熱状狀独獨猪豬环環狱獄单單卡卡厂廠厅廳历歷压壓厌厭县縣参參双雙变變叠疊听聽启啟员員响響"
    "呕嘔哑啞团團园園围圍国國图圖场場坏壞块塊坚堅垃垃处處备備复復够夠头頭夺奪奖獎妈媽娱娛婴嬰学學宁寧实實审審宽寬宾賓"
    "对對导導将將尔爾尝嘗尽盡层層属屬岁歲师師带帶帮幫帐帳并並异異弃棄边邊达達迁遷运運进進远遠违違连連迟遲选選递遞遗遺邮郵"
    "释釋里里钓釣针針钟鐘阶階雾霧静靜韩韓顺順须須顾顧预預领領频頻颜顏额額风風飞飛饭飯饿餓馆館驻駐骤驟鱼魚鸟鳥黄黃龙龍龟龜"
    "业業东東丢丟两兩严嚴丧喪丽麗举舉义義乐樂习習乡鄉亏虧争爭亚亞亲親亿億仅僅从從仓倉仪儀价價众眾优優伙夥传傳伤傷伪偽"
    "体體侧側债債储儲儿兒内內军軍农農冻凍净淨凉涼减減击擊创創删刪别別办辦劳勞势勢区區医醫华華协協卖賣卫衛却卻"
    "纠糾红紅级級约約纪紀纯純纸紙线線练練组組细細终終绍紹经經结結绑綁绝絕统統继繼绩績续續维維绿綠编編缓緩缩縮缴繳罚罰罗羅"
    "职職联聯声聲肿腫胜勝脏髒腾騰艺藝节節苏蘇范範获獲营營药藥虑慮虚虛虽雖蓝藍蚁蟻裤褲视視规規览覽触觸誉譽讯訊许許"
    "财財货貨购購贷貸贸貿赖賴赞贊趋趨跃躍踪蹤车車轨軌软軟较較载載辆輛输輸辞辭适適遥遙郑鄭酱醬队隊类類粮糧紧緊纷紛"
    "热熱爱愛犹猶狗狗滚滾滥濫温溫游遊灯燈烦煩签簽简簡筹籌竞競穷窮称稱稳穩积積种種离離祸禍禅禪确確矿礦盘盤监監盗盜疯瘋"
    "疗療痴癡瘾癮发發挡擋闲閒陈陳韭韭顶頂项項须須颗顆饰飾骚騷鸡雞齐齊"
    "络絡刚剛兑兌决決万萬届屆数數装裝脸臉礼禮专專笔筆乱亂画畫溃潰赎贖馈饋气氣赶趕杀殺饼餅况況谱譜荣榮谨謹册冊剧劇撸擼瘫癱痪瘓残殘荐薦断斷询詢哒噠厉厲绕繞纹紋钮鈕鸿鴻励勵偿償兴興锅鍋夹夾欢歡俩倆与與丝絲鹅鵝梦夢译譯喽嘍凭憑撑撐劲勁"
    "顿頓猫貓畅暢缘緣烫燙昼晝纳納莱萊讲講党黨训訓赛賽劝勸驾駕晒曬轻輕赏賞脚腳摆擺烧燒尘塵耻恥聋聾玛瑪卧臥侦偵坛壇扰擾赌賭宝寶槛檻斩斬横橫养養铭銘壳殼拦攔驳駁盖蓋肾腎凤鳳麦麥硕碩鲨鯊锤錘贼賊欧歐镑鎊卢盧聪聰键鍵拟擬铸鑄屡屢罢罷怜憐"
    "胁脅"
)
# These too, but the first form is ordinary in both scripts, so that it tells nothing.
_ALSO = "余餘后後几幾里裡准準冲衝系系面面只隻了了泄洩划劃云雲"

TRADITIONAL: dict[int, int] = {
    ord(simple): ord(other)
    for pairs in (_DISTINCT, _ALSO)
    for simple, other in zip(pairs[::2], pairs[1::2], strict=True)
    if simple != other
}
"""For `str.translate`: the usual traditional form of a simplified text, character by character."""

# Of these each has two: 賬 in Hong Kong and 帳 in Taiwan, 裡 and 裏.
_OTHER_FORMS = (("賬", "帳"), ("裡", "裏"))


def traditional(text: str) -> Iterator[str]:
    """The forms in which a simplified text is written in traditional characters, the usual one first."""
    usual = text.translate(TRADITIONAL)
    yield usual
    for one, other in _OTHER_FORMS:
        if one in usual:
            yield usual.replace(one, other)


_HANT = frozenset(b for a, b in zip(_DISTINCT[::2], _DISTINCT[1::2], strict=True) if a != b)
_HANS = frozenset(a for a, b in zip(_DISTINCT[::2], _DISTINCT[1::2], strict=True) if a != b) - _HANT

_DISTINCTIVE = re.compile(f"[{''.join(sorted(_HANS | _HANT))}]")
_SCRIPT = re.compile(r"[぀-ヿ㐀-䶿一-鿿가-힯ᄀ-ᇿЀ-ӿ؀-ۿ\u0e00-\u0e7f\u0900-\u097f]+")
_KANA = re.compile(r"[぀-ヿ]")
# Who begins in a script of his own goes on with what an app says in English: 闪退 iPhone 15 Pro Max.
_OPENING = re.compile(r"\W*(?:[぀-ヿ㐀-鿿]{2,}|[가-힣]{2,}|[А-Яа-яЁё]{4,})")
# 转账失败 what does it mean? And who says it in two languages, one after the other.
_NO_QUOTE = re.compile(r"[^\n.!?]{0,40}\?|[^\n。！？]*[\n。！？]\s*[A-Za-z][^぀-鿿가-힣]{20}")
_UKRAINIAN = re.compile(r"[іїєґІЇЄҐ]")
_WORDLESS = re.compile(r"https?:\S+|www\.\S+|\S+\.(?:com|net|org|io|xyz)\S*|[@#$]\w+|0x\w+|\w*\d\w*|█+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_COMMON_ENGLISH = (
    "the my this that that's your you u what's what and have had why how don't can't cant won't it's its please pls "
    "they them their there not from with i'm im i've i of we our she who where when which would could should been "
    "did didn't doesn't does get got just still after because been about any anyone someone help thanks thank need "
    "want lost stuck wallet failed send sent received withdraw money is are was to for at"
)
_COMMON_ELSEWHERE = (
    "que el los las por para una con mi como nao não und der ich nicht ist les pas pour le je yang tidak saya aku "
    "di khong toi bir ve il non che sono het een nie jest na y es de la"
)
_ENGLISH = frozenset(_COMMON_ENGLISH.split())
_OTHER_LATIN = frozenset(_COMMON_ELSEWHERE.split())
_LATIN = frozenset(("en", "es", "vi", "pt", "fr", "de", "it", "id", "tr", "pl", "nl"))
_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}")  # BCP 47, and what XML takes for a language
_SURE = 0.4
_GUESSES = 5
_ENOUGH = 500  # characters in which to look for words
_SAMPLE = 120  # characters for the model, whose time grows with them

# NFKC of the signs that Chinese posts use all the time; with them gone most posts are in normal form already,
# and telling so is twenty times cheaper than normalising.
_SIGNS = tuple(zip("，！？：（）；～", ",!?:();~", strict=True))


def search_text(text: str) -> str:
    """The text as it is searched: NFKC, lower case. Not always of the same length, see `Lexicon`'s users."""
    if text.isascii():
        return text.lower()
    for sign, plain in _SIGNS:
        text = text.replace(sign, plain)
    text = text.replace("…", "...")
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return text.lower()


def told_language(told: str | None) -> str | None:
    """What a platform or a file calls a post's language, if that names one at all: it goes into pages and feeds."""
    return told if told and _TAG.fullmatch(told) else None


def language_of(text: str, searchable: str) -> str:
    """`zh-Hans`, `zh-Hant`, `zh` (nothing tells which), a two-letter code, or `und` (links, signs, masks only)."""
    if not text.isascii():
        plain = len(text.encode("ascii", "ignore"))
        if (len(text) - plain) * 6 >= len(text) and (lang := _by_script(text)):
            return lang
        if (opening := _OPENING.match(text)) and not _NO_QUOTE.match(text, opening.end()):
            return _by_script(text) or "und"
    words = searchable.split()
    if not _ENGLISH.isdisjoint(words) and _OTHER_LATIN.isdisjoint(words):
        return "en"
    return _by_words(text, searchable)


def _by_script(text: str) -> str | None:
    """The language that the script alone gives away; None for Latin and for signs only."""
    first = _SCRIPT.search(text)
    if first is None:
        return None
    letter = first[0][0]
    if letter < "\u0530":
        return "uk" if _UKRAINIAN.search(text) else "ru"
    if letter < "\u0700":
        return "ar"
    if letter < "\u0e00":
        return "hi"
    if letter < "\u0e80":
        return "th"
    if letter >= "가" or letter < "\u1200":
        return "ko"
    # Chinese posts play with a single の; Japanese cannot do without kana for long.
    # Hashes, links and Latin names beside it say nothing.
    if _KANA.search(text) and (kana := _KANA.findall(text)) != ["の"] and len(kana) * 8 >= _letters(text):
        return "ja"
    return _chinese(text)


def _letters(text: str) -> int:
    """How many of other scripts than Latin."""
    return sum(map(len, _SCRIPT.findall(text)))


def _chinese(text: str) -> str:
    first = _DISTINCTIVE.search(text)
    if first is None:
        return "zh"
    if first[0] in _HANS:
        return "zh-Hans"
    letters = _DISTINCTIVE.findall(text)
    return "zh-Hant" if sum(letter in _HANT for letter in letters) * 2 > len(letters) else "zh-Hans"


def _by_words(text: str, searchable: str) -> str:
    """Latin text without a telling word: a few letters of another script, or the model."""
    words = _WORD.findall(_WORDLESS.sub(" ", searchable[:_ENOUGH]))
    if not words:
        return _by_script(text) or "und"
    letters = "".join(words)
    if (script := _SCRIPT.findall(text[:_ENOUGH])) and sum(map(len, script)) * 3 >= len(letters):
        return _by_script(text) or "und"
    return _by_model(" ".join(words)[:_SAMPLE], plain=letters.isascii())


def _by_model(words: str, *, plain: bool) -> str:
    """The likeliest of our Latin languages; plain letters that it is not sure of are English."""
    for label, share in zip(*_model().predict(words, k=_GUESSES), strict=True):
        lang = label.removeprefix("__label__")
        if lang in _LATIN:
            return "en" if share < _SURE and plain else lang
    return "en" if plain else "und"


@functools.cache
def _model() -> fasttext.FastText._FastText:
    """lid.176, published by Facebook Research (Joulin et al. 2016, FastText.zip), CC BY-SA 3.0. Loaded at first need:
    6 MB and 25 ms, where py3langid took 74 MB and half a second."""
    import fasttext

    return fasttext.load_model(str(MODEL))
