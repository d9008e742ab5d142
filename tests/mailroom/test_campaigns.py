"""Reports of one mailing come together, whatever their order, and nobody can pull two mailings together."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.keys import Keyring
from leaktrace.mailroom.agreement import agreement, similarity
from leaktrace.mailroom.campaigns import GroupableReport, Grouping, count_customers, group_reports
from leaktrace.mailroom.features import Features, features_from_document, features_of, masked_subject
from leaktrace.mailroom.shelves import BUCKET_CAP_COUNT
from tests.mailroom.handmade_mail import MAIL_AT, original, prose, sketch_of

KEYRING = Keyring(bytes(range(32)), "ws-test")
PROSE = {name: prose(seed) for seed, name in enumerate("ABCDEFGH")}
SKETCH = {name: sketch_of(text) for name, text in PROSE.items()}


def report(
    name: str, features: Features, minutes: int | None = 0, customer: str | None = None, index: int = 0
) -> GroupableReport:
    tokens = frozenset({(customer or name).encode()})
    return GroupableReport(
        f"{name}/{index}", None if minutes is None else MAIL_AT + timedelta(minutes=minutes), tokens, features
    )


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


def test_two_originals_in_one_complaint_are_two_reports_of_one_customer() -> None:
    (grouping,) = group_reports([report("m", mailing("A"), index=0), report("m", mailing("A"), index=1)], {})
    assert grouping.reports == ("m/0", "m/1")
    assert grouping.customer_count == 1


def test_customers_who_share_an_address_are_one_and_the_nameless_are_one() -> None:
    exact1, exact2, folded = b"kim+1", b"kim+2", b"kim"
    assert count_customers([frozenset({exact1, folded}), frozenset({exact2, folded}), frozenset({b"lee"})]) == 2
    assert count_customers([frozenset(), frozenset(), frozenset({b"lee"})]) == 2
    assert count_customers([]) == 0
    chain = [frozenset({bytes([n]), bytes([n + 1])}) for n in range(40)]
    assert all(count_customers(order) == 1 for order in (chain, chain[::-1], chain[::2] + chain[1::2]))


def test_a_mail_without_any_feature_is_alone_and_last_in_time() -> None:
    groupings = group_reports(
        [report("1", Features(), None), report("2", Features(), None), report("3", mailing("A"))], {}
    )
    assert groupings[0].reports == ("3/0",)
    assert len(groupings) == 3
    assert groupings[2].first_mail_at is None
    assert group_reports([], {}) == ()


# --- ids --------------------------------------------------------------------------------------------------


def test_an_id_is_short_and_comes_from_the_earliest_report() -> None:
    (grouping,) = group_reports([report("late", mailing("A"), 9), report("early", mailing("A"), 1)], {})
    (alone,) = group_reports([report("early", mailing("A"), 1)], {})
    assert grouping.campaign == alone.campaign
    assert grouping.campaign.startswith("c-")
    assert len(grouping.campaign) == 10
    assert int(grouping.campaign[2:], 16) >= 0


def test_a_campaign_keeps_its_id_when_earlier_mail_is_added_later() -> None:
    first = [report(str(n), mailing("A"), 10 + n) for n in range(3)]
    (before,) = group_reports(first, {})
    known = dict.fromkeys(before.reports, before.campaign)
    (after,) = group_reports([*first, report("new", mailing("A"), 0)], known)
    assert after.campaign == before.campaign
    assert group_reports([*first, report("new", mailing("A"), 0)], {})[0].campaign != before.campaign


def test_on_a_merge_the_larger_then_the_older_id_stays() -> None:
    reports = [report(str(n), mailing("A"), n) for n in range(5)]
    known = {"0/0": "c-old", "1/0": "c-old", "2/0": "c-big", "3/0": "c-big", "4/0": "c-big"}
    assert [g.campaign for g in group_reports(reports, known)] == ["c-big"]
    del known["4/0"]
    assert [g.campaign for g in group_reports(reports, known)] == ["c-old"]


def test_on_a_split_the_larger_part_keeps_the_id_and_no_id_is_given_twice() -> None:
    reports = [report(f"a{n}", mailing("A"), n) for n in range(2)] + [
        report(f"b{n}", mailing("B"), 5 + n) for n in range(3)
    ]
    (alone,) = group_reports(reports[:1], {})
    known = {item.report: alone.campaign for item in reports}
    larger, smaller = group_reports(reports, known)
    assert larger.campaign == alone.campaign
    assert larger.reports == ("b0/0", "b1/0", "b2/0")
    # The natural id of the smaller part is the one the larger part holds.
    assert smaller.campaign not in {alone.campaign, ""}
    assert group_reports(list(reversed(reports)), known) == (larger, smaller)


# --- bridging ---------------------------------------------------------------------------------------------


def stitched(share: float, **changes: object) -> Features:
    """A text whose first part is template A and whose second is template B, sent as A, linking to B."""
    one, two = PROSE["A"].split(), PROSE["B"].split()
    cut = round(share * len(one))
    text = " ".join(one[:cut] + two[cut - len(two) :] if cut < len(two) else one)
    base: dict[str, object] = {"sketch": sketch_of(text), "links": frozenset({"A-shop.net", "B-shop.net"})}
    return mailing("A", **(base | changes))


def naive_single_link(reports: Sequence[GroupableReport]) -> set[frozenset[str]]:
    """What many do: whoever shares one feature or a third of the text with one member belongs."""
    groups = [{item.report} for item in reports]
    for one, two in itertools.combinations(reports, 2):
        alike = similarity(one.features.sketch, two.features.sketch) >= 0.3 if one.features.sketch else False
        shares = one.features.links & two.features.links or one.features.subject == two.features.subject
        if alike or shares:
            first = next(group for group in groups if one.report in group)
            second = next(group for group in groups if two.report in group)
            if first is not second:
                first |= second
                groups.remove(second)
    return {frozenset(group) for group in groups}


BRIDGES = [
    [stitched(0.5)],
    [stitched(0.5)] * 4,
    [stitched(share) for share in (0.3, 0.4, 0.5, 0.6, 0.7)],
    # Every kind that can be forged, half from each: text and subject of A, sender, links and Reply-To of B.
    [mailing("A", sender=frozenset({"B.com"}), links=frozenset({"B-shop.net"}), reply=frozenset({"b-reply.com"}))] * 3,
    [mailing("B", sender=frozenset({"A.com"}), subject="subject A")] * 3,
    # Who he is and where he leads from A, all he writes from B; nearly as many as the mailings have reports.
    [mailing("A", subject="subject B", sketch=SKETCH["B"])] * 7,
    [mailing("A", name="name B", links=frozenset({"B-shop.net"}))] * 7,
    [mailing("A", name="name B", links=frozenset({"B-shop.net"}), sketch=stitched(0.5).sketch)] * 7,
]


@pytest.mark.parametrize("bridges", BRIDGES)
@pytest.mark.parametrize("first", [True, False])
def test_stitched_mail_pulls_two_mailings_together_in_a_single_link_grouping_but_not_here(
    bridges: list[Features], first: bool
) -> None:
    real = [
        report(f"{which}{n}", mailing(which, reply=frozenset({f"{which.lower()}-reply.com"})), n)
        for which in "AB"
        for n in range(8)
    ]
    attack = [report(f"X{n}", bridge, -60 + n if first else 60 + n) for n, bridge in enumerate(bridges)]
    assert any({name[0] for name in group} >= {"A", "B"} for group in naive_single_link(real + attack))
    for group in members(group_reports(real + attack, {})):
        assert len({name[0] for name in group} - {"X"}) <= 1, group
    whole = [
        group
        for group in members(group_reports(real + attack, {}))
        if len({name for name in group if name[0] != "X"}) == 8
    ]
    assert len(whole) == 2


def test_a_flood_on_one_feature_hides_no_campaign() -> None:
    flood = [
        report(f"f{n}", Features(sender=frozenset({f"f{n}.com"}), subject="subject A"), -n)
        for n in range(2 * BUCKET_CAP_COUNT)
    ]
    real = [report(f"a{n}", mailing("A"), n) for n in range(10)]
    assert frozenset(item.report for item in real) in members(group_reports(flood + real, {}))


def test_four_thousand_reports_take_seconds() -> None:
    reports = market(3, 2000)
    noise = [
        report(f"n{n}", Features(sender=frozenset({f"n{n}.com"}), subject=f"n{n}", sketch=tuple(range(n, n + 64))))
        for n in range(2000)
    ]
    started = time.process_time()
    groupings = group_reports(reports + noise, {})
    assert time.process_time() - started < 20
    assert len(groupings) == 8 + 2000


def test_an_original_groups_with_itself_forwarded_another_way() -> None:
    attached = original(
        subject="Kim, our spring sale ends", to_name="Kim", links=("https://acme.net/1",), dkim=("acme-shop.com",)
    )
    inline = dataclasses.replace(
        original(
            subject="Fwd: Lee, our spring sale ends", to="lee@c.example", to_name="Lee", grade="G1", form="inline-text"
        ),
        links=(),
    )
    found = [features_of(item, KEYRING.feature_hash) for item in (attached, inline)]
    assert agreement(*found).kinds == {"sender", "subject"}
