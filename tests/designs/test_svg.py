"""Uploaded drawings: what of them is seen, and that nothing else comes through, nor takes long."""

import time
from contextlib import suppress
from io import BytesIO

import pytest
from PIL import Image

from credtrail.designs.svg import read_svg
from credtrail.designs.uploads import read_upload
from designs.samples import a_picture

SPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_LONGEST_SECONDS = 15


def svg(content, size='width="100" height="50"'):
    """A drawing."""
    return f"<svg {SPACES} {size}>{content}</svg>".encode()


def pixels(raw):
    """The picture that is made of it."""
    with Image.open(BytesIO(read_svg(raw))) as picture:
        return picture.convert("RGBA")


BLUE = '<rect width="100" height="50" fill="#0000ff"/>'


def test_a_drawing_becomes_a_picture():
    picture = pixels(svg(BLUE))
    assert picture.size == (1600, 800)
    assert picture.getcolors(1) == [(1600 * 800, (0, 0, 255, 255))]


def test_its_ground_stays_transparent():
    assert pixels(svg('<circle r="5"/>')).getpixel((1500, 700)) == (0, 0, 0, 0)


def test_letters_are_drawn():
    assert pixels(svg('<text x="9" y="30" font-size="20">Ada</text>')).getbbox()


@pytest.mark.parametrize(
    "content",
    [
        "<script>while(1){}</script>",
        '<g onload="alert(1)" onclick="alert(1)"/>',
        '<a href="javascript:alert(1)"/>',
        '<foreignObject width="100" height="50"><body xmlns="http://www.w3.org/1999/xhtml">x</body></foreignObject>',
        '<style>@import url("http://127.0.0.1:9/x.css"); rect { fill: #0000ff }</style>',
        '<use href="http://127.0.0.1:9/x.svg#a"/>',
        '<use xlink:href="file:///etc/passwd#a"/>',
        '<set attributeName="href" to="javascript:alert(1)"/>',
    ],
    ids=["script", "handlers", "link", "foreign", "import", "use-http", "use-file", "set"],
)
def test_what_acts_or_leads_elsewhere_is_not_seen(content):
    """Only pixels are kept: nothing but the blue that was drawn."""
    raw = svg(BLUE + content)
    assert pixels(raw).getcolors(1) == [(1600 * 800, (0, 0, 255, 255))]
    kept = read_upload(raw)
    assert kept.media_type == "image/png"
    assert not any(word in kept.content for word in (b"script", b"http", b"alert", b"file:"))


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """A picture of this machine that nobody may fetch."""
    path = tmp_path_factory.mktemp("secret") / "red.png"
    Image.new("RGB", (50, 50), "red").save(path)
    return path


@pytest.mark.parametrize(
    "form",
    ["{path}", "file://{path}", "http://127.0.0.1:9/red.png", "../../../../../../../..{path}", "red.png"],
)
@pytest.mark.parametrize("name", ["href", "xlink:href"])
def test_pictures_elsewhere_are_refused(secret, form, name):
    address = form.format(path=secret)
    with pytest.raises(ValueError, match="without links"):
        read_svg(svg(f'<image width="100" height="50" {name}="{address}"/>'))


def test_a_picture_within_is_taken():
    from base64 import b64encode

    inner = b64encode(a_picture()).decode()
    assert pixels(svg(f'<image width="90" height="30" href="data:image/png;base64,{inner}"/>')).getbbox()


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
USES = "".join(f'<g id="u{n}">{f"""<use href="#u{n - 1}"/>""" * 10}</g>' for n in range(1, 10))
NESTED = "<g>" * 60_000 + "</g>" * 60_000
BLURS = '<filter id="f" x="-9" y="-9" width="99" height="99">' + (
    '<feTurbulence baseFrequency="0.9" numOctaves="900"/><feGaussianBlur stdDeviation="900"/>' * 200
)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (f'<!DOCTYPE svg [<!ENTITY a0 "ha">{LAUGHS}]>'.encode() + svg("<text>&a8;</text>"), "entities"),
        (
            b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg("<text y='9'>&x;</text>"),
            "entities",
        ),
        (svg(f'<defs><rect id="u0" width="1" height="1"/>{USES}</defs><use href="#u9"/>'), "must be"),
        (svg(NESTED), "must be"),
        (svg("") + b" " * 1_000_000, "1 MB"),
        (b"<svg", "can be drawn"),
        (b"<html><body>no</body></html>", "can be drawn"),
        (svg(BLUE).decode().encode("utf-16"), "can be drawn"),
        (svg(BLUE, 'width="0" height="0"'), "can be drawn"),
    ],
    ids=["laughs", "file", "uses", "nested", "bytes", "cut", "html", "utf-16", "empty"],
)
def test_refused_with_a_sentence_within_bounded_time(raw, sentence):
    began = time.monotonic()
    with pytest.raises(ValueError, match=sentence) as refusal:
        read_svg(raw)
    assert str(refusal.value).startswith("The picture must")
    assert time.monotonic() - began < _LONGEST_SECONDS


@pytest.mark.parametrize(
    "raw",
    [
        svg(BLUE, 'width="1e9" height="1e9"'),
        svg(BLUE, 'viewBox="0 0 1000000000 1"'),
        svg(BLUE, 'width="1" height="100000"'),
        svg(f'{BLURS}</filter><rect width="100" height="50" filter="url(#f)"/>'),
        svg('<use id="a" href="#a"/><g id="b"><use href="#b"/></g>'),
    ],
    ids=["huge", "thin", "high", "filters", "loop"],
)
def test_extremes_are_drawn_small_or_refused(raw):
    began = time.monotonic()
    with suppress(ValueError), Image.open(BytesIO(read_svg(raw))) as picture:
        assert max(picture.size) <= 1600
    assert time.monotonic() - began < _LONGEST_SECONDS
