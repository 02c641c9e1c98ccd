"""The languages of public pages: which one a visitor gets, and that every catalogue is whole."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from conftest import ON_ONE
from credtrail.web.language import CODES, choose_language, find_language

SOURCE = Path(__file__).parent.parent.parent / "src" / "credtrail"
CATALOGUES = SOURCE / "web" / "languages"
PLACEHOLDER = re.compile(r"%\(\w+\)s|</?\w+>")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("nb-NO, fr;q=0.5, en;q=0.4", "fr"),
        ("en;q=0.4, pl;q=0.9", "pl"),
        ("zh-Hant-TW", "zh"),
        ("pt-PT", "pt"),
        ("AR-eg", "ar"),
        ("ja;q=0, es", "es"),
        ("*", "en"),
        ("de;q=x, fr", "fr"),
        ("de;q=2, fr", "fr"),
        (",;,;q=,", "en"),
        ("xx, " * 10_000, "en"),
    ],
)
def test_the_browsers_preference_chooses(header, code):
    assert choose_language(header) == code


def wanted():
    """Every message of templates and code, with its plural where it has one."""
    with (CATALOGUES / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found = extract_from_dir(SOURCE, methods, options)
    return {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found}


@pytest.mark.parametrize("code", CODES[1:])
def test_every_catalogue_has_every_message(code):
    with (CATALOGUES / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    messages = {message.id: message for message in catalogue if message.id}
    assert messages.keys() == wanted()
    for message in messages.values():
        assert not message.fuzzy, message.id
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        translations = [message.string] if isinstance(message.string, str) else list(message.string)
        assert len(translations) == (catalogue.num_plurals if len(originals) > 1 else 1)
        assert all(translations), message.id
        for translation in translations:
            found, named = set(PLACEHOLDER.findall(translation)), set(PLACEHOLDER.findall(originals[-1]))
            # "Once" may be said without the number.
            assert found == named or (len(originals) > 1 and found == named - {"%(num)s"}), translation


@ON_ONE
@pytest.mark.parametrize("code", CODES)
def test_each_language_has_its_words_dates_and_numbers(client, cast, code):
    address = f"/credentials/{cast.public_id}"
    asked = client.get(f"{address}?lang={code}")
    chosen = client.get(address, headers={"accept-language": code})
    language = find_language(code)
    for page in (asked, chosen):
        assert page.status_code == 200
        assert page.headers["content-language"] == code
        assert page.headers["vary"] == "accept, accept-language"
        assert f'<html lang="{code}" dir="{"rtl" if code == "ar" else "ltr"}"' in page.text
        assert language.day("2024-03-12") in page.text
        assert language.gettext("Verify") in page.text
    assert (code == "en") == (language.gettext("Verify") == "Verify")


def test_the_switch_leads_to_the_same_page_and_never_carries_the_flag(client, cast):
    text = client.get(f"/credentials/{cast.public_id}?recipient=true&key=abc&utm_source=a%26b&lang=de").text
    links = re.findall(
        r'<a href="(\?[^"]+)" lang="(\w\w)" hreflang="\2"( aria-current="true")?>([^<]+)<', text
    )
    assert [code for _, code, _, _ in links] == list(CODES)
    assert [code for _, code, current, _ in links if current] == ["de"]
    assert {address for address, *_ in links} == {f"?utm_source=a%26b&amp;lang={code}" for code in CODES}
    assert [name for *_, name in links][:3] == ["English", "Deutsch", "Français"]


def test_an_unknown_language_in_the_address_is_not_obeyed(client, cast):
    page = client.get(f"/credentials/{cast.public_id}?lang=../x", headers={"accept-language": "es"})
    assert page.headers["content-language"] == "es"
