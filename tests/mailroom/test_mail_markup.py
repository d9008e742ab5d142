"""HTML as a reader sees it, with every character's place."""

from __future__ import annotations

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.mailroom.markup import render


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>a<br>b</p>c", "\na\nb\nc"),
        ("<table><tr><th>Von: </th><td>x</td></tr><tr><td>y</td></tr></table>", "\nVon: \tx\ny\n"),
        ("a\n  b&nbsp;c&amp;d &unknown; & e", "a b c&d &unknown; & e"),
        ("<style>p{}</style><script>x</script><title>t</title>seen", "seen"),
        ("<!-- a > b -->seen<!-- not closed", "seen not closed"),
        ("<style>never closed <b>seen", "never closed seen"),
        ('<a title="a>b">x</a> 1 < 2', "x 1 < 2"),
        ('<a title="never closed>x</a>', "x"),
        ("<!DOCTYPE html><?xml x?>x", "x"),
        ("cut <b", "cut <b"),
        ("<pre>a\n b\r\n<b>\nc</b>\n</pre>d\ne", "a\n b\r\n\nc\nd e"),
        ("N <n@x.example> <mailto:n@x.example><n@x.example a>c</n@x.example>", "N <n@x.example> <mailto:n@x.example>c"),
    ],
)
def test_what_is_shown(source: str, text: str) -> None:
    assert render(source).text.replace("\xa0", " ").strip("\n") == text.strip("\n")


def test_links_and_clients_marks_have_places() -> None:
    page = render(
        'a<div class="x gmail_attr">b</div><blockquote type="cite">c</blockquote>'
        "<a href='https://x.example/?a=1&amp;b=2'>d</a><a href=>e</a>"
    )
    assert [link.target for link in page.links] == ["https://x.example/?a=1&b=2"]
    assert page.text[page.links[0].text_at] == "d"
    assert [cue for _, cue in page.cues] == ["gmail_attr", "cite"]


@settings(deadline=None)
@given(
    st.text(alphabet="ab<>&;\"'/= \n!-@", max_size=120)
    | st.lists(st.sampled_from(["<pre>", "</pre>", "a", " ", "\n", "\r\n", "<b>", "<a@b>"])).map("".join)
)
def test_no_markup_breaks_the_reader_and_places_are_in_order(source: str) -> None:
    page = render(source)
    places = [page.runs.place(at) for at in range(len(page.text))]
    assert places == sorted(places)
    assert all(0 <= start <= end <= len(source) for start, end in places)
    for shown, (start, end) in zip(page.text, places, strict=True):
        # A shown character stands where it is said to stand, or is what blanks, a tag or an entity there became.
        assert source[start:end] == shown or shown in "\n\t " or source[start] == "&"


@settings(deadline=None)
@given(st.text(max_size=80).map(lambda text: " ".join(text.split())))
def test_escaped_text_comes_back(text: str) -> None:
    text = "".join(c for c in text if c.isprintable() and c != "\u200b")
    assert render(html.escape(text)).text.split() == text.split()
