"""Letters: what is covered, which way it runs, whose shapes it takes."""

import unicodedata

import pytest

from credtrail.designs.fonts import _covered, choose_variant, is_right_to_left, make_ready, variant_of
from designs.samples import NAMES

BLOCKS = {
    "Latin": (0x20, 0x250),
    "Latin Extended Additional": (0x1E00, 0x1F00),
    "Greek": (0x370, 0x3E2),
    "Greek Extended": (0x1F00, 0x2000),
    "Cyrillic": (0x400, 0x530),
    "Armenian": (0x531, 0x590),
    "Hebrew": (0x591, 0x600),
    "Arabic": (0x620, 0x700),
    "Devanagari": (0x900, 0x980),
    "Bengali": (0x980, 0xA00),
    "Tamil": (0xB80, 0xC00),
    "Thai": (0xE00, 0xE80),
    "Georgian": (0x10A0, 0x1100),
    "Kana": (0x3041, 0x3100),
    "CJK": (0x4E00, 0x9FA6),
    "Hangul": (0xAC00, 0xD7A4),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_every_letter_and_mark_of_a_script_is_there(block):
    missing = [
        chr(code)
        for code in range(*BLOCKS[block])
        if unicodedata.category(chr(code))[0] in "LMN" and code not in _covered()
    ]
    assert missing == []


@pytest.mark.parametrize("script", NAMES)
def test_names_stay_as_they_are(script):
    ready = make_ready(NAMES[script], "SC")
    assert ready.text == NAMES[script]
    assert ready.rtl == (script in ("arabic", "hebrew"))


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("佐藤 さくら", "JP"),
        ("김민준 金", "KR"),
        ("歐陽修", "TC"),
        ("欧阳修", "SC"),
        ("王小明", None),
        ("Robin", None),
    ],
)
def test_whose_shapes_characters_take(text, variant):
    assert variant_of(text) == variant


def test_another_text_or_the_language_decides_where_the_name_does_not():
    assert choose_variant(("王小明", "植物学入門コース"), "en") == "JP"
    assert choose_variant(("王小明",), "ja") == "JP"
    assert choose_variant(("王小明",), "en") == "SC"


def test_what_cannot_be_drawn_is_replaced_and_what_turns_text_is_dropped():
    assert make_ready("A\u202eB\tC\ufe0f ༀ\ue000", "SC").text == "AB C \ufffd\ufffd"
    assert make_ready("क्\u200dष", "SC").text == "क्\u200dष"


def test_a_word_that_no_line_holds_may_be_broken():
    assert "\u200b" not in make_ready("W" * 32, "SC").text
    assert len(make_ready("W" * 255, "SC").longest) == 32
    assert make_ready("Meadow Academy", "SC").longest == "Academy"


def test_direction_is_that_of_the_first_letter():
    assert is_right_to_left("123 محمد (Ali)")
    assert not is_right_to_left("Ali محمد")
    assert not is_right_to_left("123")
