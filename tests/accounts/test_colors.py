"""An issuer's colour can be read, whatever it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credtrail.accounts.colors import brand_style, contrast

GROUNDS = {"light": ("#f5f3ee", "#fffefb"), "dark": ("#11161b", "#1a2128")}


@given(st.integers(0, 0xFFFFFF))
def test_text_in_any_brand_colour_can_be_read_on_both_themes(number):
    style = brand_style(f"{number:06x}")
    (light, on_light), (dark, on_dark) = re.findall(r"--accent:(#\w{6});--on-accent:(#\w{6})", style)
    assert all(contrast(light, ground) >= 4.5 for ground in GROUNDS["light"])
    assert all(contrast(dark, ground) >= 4.5 for ground in GROUNDS["dark"])
    assert contrast(light, on_light) >= 4.5
    assert contrast(dark, on_dark) >= 4.5


def test_a_colour_that_can_be_read_stays_as_it_is():
    assert "--accent:#14594b;--on-accent:#ffffff" in brand_style("14594b")


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("text", ["", "14594", "14594B", "14594b;", "javascr", "１４５９４b"])
def test_anything_else_is_no_colour(text):
    assert brand_style(text) is None
