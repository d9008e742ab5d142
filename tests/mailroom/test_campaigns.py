"""Reports of one mailing come together, whatever their order, and nobody can pull two mailings together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.keys import Keyring
from leaktrace.mailroom.agreement import agreement, similarity
from leaktrace.mailroom.features import Features, features_from_document, features_of, masked_subject
from tests.mailroom.handmade_mail import MAIL_AT, original, prose, sketch_of
from tests.mailroom.reference_grouping import GroupableReport, Grouping, group_reports

KEYRING = Keyring(bytes(range(32)), "ws-test")
PROSE = {name: prose(seed) for seed, name in enumerate("ABCDEFGH")}
SKETCH = {name: sketch_of(text) for name, text in PROSE.items()}


def report(name: str, features: Features, minutes: int | None = 0) -> GroupableReport:
    at = None if minutes is None else MAIL_AT + timedelta(minutes=minutes)
    return GroupableReport(f"{name}/0", at, features)


def mailing(which: str, **changes: object) -> Features:
    """A full set of features of one mailing."""
    values: dict[str, object] = {
        "sender": frozenset({f"{which}.com"}),
        "links": frozenset({f"{which}-shop.net"}),
        "name": f"name {which}",
        "subject": f"subject {which}",
        "sketch": SKETCH[which],
    }
    return Features(**(values | changes))  # type: ignore[arg-type]


def members(groupings: Iterable[Grouping]) -> set[frozenset[str]]:
    return {frozenset(grouping.reports) for grouping in groupings}


# --- features ---------------------------------------------------------------------------------------------


def features(**values: object) -> Features:
    return features_of(original(**values), KEYRING.feature_hash)  # type: ignore[arg-type]


def test_the_sender_is_a_registered_domain_or_one_freemail_mailbox() -> None:
    assert features(sender="deals@news.acme-shop.co.uk").sender == {"acme-shop.co.uk"}
    one, two = features(sender="acme@gmail.com").sender, features(sender="other@gmail.com").sender
    assert len(one) == len(two) == 1
    assert one != two
    assert all(token.startswith("mailbox:") and "acme" not in token for token in one)
    assert features(sender=None).sender == features(sender="nobody").sender == frozenset()


def test_links_and_signers_that_are_in_everybodys_mail_say_nothing() -> None:
    found = features(
        links=(
            "https://click.acme-shop.com/x",
            "http://www.facebook.com/acme",
            "https://10.0.0.1/",
            "http://[broken",
            "cid:1",
        ),
        dkim=("mail.acme-shop.com", "amazonses.com"),
    )
    assert found.links == found.signers == {"acme-shop.com"}
    assert features(dkim=("acme-shop.com",), dkim_result="fail").signers == frozenset()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Kim, your 20% voucher is waiting", "Fwd: kim your 35% voucher is waiting!"),
        ("WG: AW: Große Aktion im Frühling", "große aktion im frühling"),
        ("[EXT] Fw: Re[2]: Order now, and save", "Order now and save!"),
        ("转发：春季大促销", "春季大促销 2025"),
        ("Spring sale for kim@customer.example only", "Spring sale for only"),
    ],
)
def test_a_subject_is_one_template_for_all_recipients(one: str, two: str) -> None:
    first, second = original(subject=one, to_name="Kim Lee"), original(subject=two, to_name="Kim Lee")
    assert masked_subject(first) is not None
    assert masked_subject(first) == masked_subject(second)
    assert features(subject=one, to_name="Kim Lee").subject == features(subject=two, to_name="Kim Lee").subject


@pytest.mark.parametrize("subject", [None, "", "Hello", "Re: 12345", "Kim?", "Fwd: a@b.example"])
def test_a_subject_that_everybody_writes_is_none(subject: str | None) -> None:
    assert masked_subject(original(subject=subject)) is None


def test_features_survive_storage_and_hold_no_subject() -> None:
    found = features(sender="a@gmail.com", links=("https://acme.com/",), sketch=(1, 2))
    assert features_from_document(found.document()) == found
    assert "spring" not in str(found.document())


# --- agreement --------------------------------------------------------------------------------------------


def test_one_kind_of_evidence_is_not_enough_and_two_are() -> None:
    assert not agreement(Features(sender=frozenset({"a.com"})), mailing("A", sender=frozenset({"a.com"}))).joins
    assert not agreement(Features(sketch=SKETCH["A"]), mailing("A")).joins
    both = agreement(Features(sketch=SKETCH["A"], subject="subject A"), mailing("A"))
    assert both.kinds == {"text", "subject"}
    assert both.joins


def test_a_reply_to_at_the_senders_own_domain_is_no_further_kind() -> None:
    domain = frozenset({"acme.com"})
    assert agreement(Features(sender=domain, reply=domain), Features(sender=domain, reply=domain)).kinds == {"sender"}
    apart = Features(sender=domain, reply=frozenset({"reply.net"}))
    assert agreement(apart, apart).kinds == {"sender", "reply"}


def test_a_display_name_counts_where_the_domain_is_another() -> None:
    one = features(sender="x@acme.com", sender_name="Acme  SHOP", links=("https://acme.com",), subject=None)
    two = features(sender="x@bulk-sender.com", sender_name="Acme Shop", links=("https://acme.com",), subject=None)
    assert agreement(one, two).kinds == {"name", "links"}
    assert agreement(one, one).kinds == {"sender", "links"}
    assert features(sender_name="kim@customer.example").name is None
    assert features(sender_name="Al").name is None


def test_one_sender_who_leads_to_one_shop_or_signs_is_one_whatever_he_writes() -> None:
    base = Features(sender=frozenset({"acme.com"}))
    shop, signed = frozenset({"acme.com"}), frozenset({"acme.com"})
    for shown in (dataclasses.replace(base, links=shop), dataclasses.replace(base, signers=signed)):
        one, two = (dataclasses.replace(shown, subject=which, sketch=SKETCH[which]) for which in "AB")
        assert agreement(one, two).joins
        assert not agreement(one, dataclasses.replace(two, sender=frozenset({"other.com"}))).joins


def test_other_senders_of_the_same_content_are_no_conflict_but_other_content_is() -> None:
    rotated = agreement(mailing("A"), mailing("A", sender=frozenset({"burner.com"}), links=frozenset({"burner.net"})))
    assert rotated.joins
    assert rotated.conflict_count == 1
    other = mailing("B", sender=frozenset({"A.com"}), reply=frozenset({"r.net"}), links=frozenset())
    found = agreement(mailing("A", reply=frozenset({"r.net"})), other)
    assert (found.kinds, found.conflict_count) == (frozenset({"sender", "reply"}), 2)
    assert not found.joins


@given(st.sampled_from("AB"), st.sampled_from("AB"), st.integers(0, 15))
def test_agreement_is_symmetric(one: str, two: str, mask: int) -> None:
    parts = {"sender": frozenset[str](), "links": frozenset[str](), "subject": None, "sketch": ()}
    left = mailing(one, **{name: empty for bit, (name, empty) in enumerate(parts.items()) if mask >> bit & 1})
    right = mailing(two)
    assert agreement(left, right) == agreement(right, left)
    assert agreement(right, right).joins


def test_similarity_estimates_the_share_of_common_shingles() -> None:
    words = PROSE["A"].split()
    half = " ".join(words[:40])
    shingles_all, shingles_half = len(words) - 3, 37
    assert similarity(SKETCH["A"], sketch_of(half)) == pytest.approx(shingles_half / shingles_all, abs=0.15)
    assert similarity((), ()) == 1.0
    assert similarity((), (1,)) == 0.0


# --- groups -----------------------------------------------------------------------------------------------


def market(seed: int, count: int) -> list[GroupableReport]:
    """Reports of eight mailings, each shown in part as different ways of forwarding do."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        which = "ABCDEFGH"[int(rng.integers(8))]
        shown = mailing(which, sender=frozenset({f"{which}{rng.integers(3)}.com"}))
        hidden = [{}, {"links": frozenset()}, {"sketch": ()}, {"sender": frozenset()}][int(rng.integers(4))]
        made.append(report(f"{which}{number}", dataclasses.replace(shown, **hidden), int(rng.integers(5000))))  # type: ignore[arg-type]
    return made


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter_and_grouping_again_changes_nothing(
    seed: int, count: int, random: object
) -> None:
    reports = market(seed, count)
    groupings = group_reports(reports, {})
    shuffled = list(reports)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert group_reports(shuffled, {}) == groupings
    known = {name: grouping.campaign for grouping in groupings for name in grouping.reports}
    assert group_reports(shuffled, known) == groupings
    assert sorted(name for grouping in groupings for name in grouping.reports) == sorted(r.report for r in reports)


def test_each_mailing_is_found_whole() -> None:
    groupings = group_reports(market(1, 400), {})
    assert len(groupings) == 8
    assert all(len({name[0] for name in grouping.reports}) == 1 for grouping in groupings)


def test_groups_that_began_apart_come_together_when_later_mail_shows_both_sides() -> None:
    words_only = Features(subject="subject A", sketch=SKETCH["A"])
    sender_only = Features(sender=frozenset({"A.com"}), links=frozenset({"A-shop.net"}))
    early = [report("t0", words_only, 0), report("s0", sender_only, 1)]
    assert len(group_reports(early, {})) == 2
    middle = [report("f0", mailing("A"), 2), report("s1", sender_only, 3)]
    later = [report(f"f{n}", mailing("A"), 3 + n) for n in range(1, 12)]
    (whole,) = group_reports(early + middle + later, {})
    assert len(whole.reports) == 15


def test_freemail_senders_of_different_mails_stay_apart() -> None:
    one = report("1", features(sender="deals@gmail.com", subject="Buy cheap watches today", sketch=SKETCH["A"]))
    two = report("2", features(sender="other@gmail.com", subject="Learn to dance in a week", sketch=SKETCH["B"]))
    same = report("3", features(sender="deals@gmail.com", subject="Buy cheap watches today"))
    assert members(group_reports([one, two, same], {})) == {frozenset({"1/0", "3/0"}), frozenset({"2/0"})}


def test_a_join_says_why() -> None:
    (grouping,) = group_reports([report(str(n), mailing("A"), n) for n in range(5)], {})
    assert [join.report for join in grouping.joins] == ["1/0", "2/0", "3/0", "4/0"]
    assert {(join.agreed_count, join.compared_count) for join in grouping.joins} == {(4, 4)}
    assert grouping.joins[0].kinds == ("links", "sender", "subject", "text")
