"""What a person's request names, and what counts as an argument in a free text."""

import time

import pytest

from bridle.gate.origins.mentions import find_embedded, names_phrase, own_words, read_mentions
from bridle.gate.origins.values import normal_form


def named(text, kind):
    return [mention.form for mention in read_mentions(text) if mention.type == kind]


def phrased(text, phrase):
    return names_phrase(own_words(text), phrase)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Refund ORD-1.", ["ORD-1"]),
        ("Close ticket 7.", ["7"]),
        ("Ship orders 17, 18 and 19 today.", ["17", "18", "19"]),
        ("Look at invoice no. 42, please", ["42"]),
        ("Merge pull request #12", ["12"]),
        ("Restart payments-api", ["payments-api"]),
        ("Deploy version v1.4.2", ["v1.4.2"]),
        ("Use `main`", ["main"]),
        ('Tag it "ok"', ["ok"]),
        ("customer 48213377", ["48213377"]),
        ("Give user jane@example.com access", ["jane@example.com"]),
    ],
)
def test_an_id_looks_like_one_or_is_named(text, ids):
    assert named(text, "id") == ids


@pytest.mark.parametrize(
    "text",
    [
        "Do it on 2026-03-07 at 17:45.",
        "Do it on 7 March 2026.",
        "Pay 17.00 EUR.",
        "He called 3 times, at 7pm, for the 2nd time.",
        "It is ok, 7 of 10 say.",
        "See https://example.com/orders/17",
        "It grew by 17%.",
    ],
)
def test_no_id_is_read_by_accident(text):
    assert not {"7", "17", "3", "2", "10", "03", "2026", "45", "ok"} & set(named(text, "id"))


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("Refund 12.50 EUR", ["12.5 EUR"]),
        ("Refund €12.50, please", ["12.5 EUR"]),
        ("Pay $1,234.50.", ["1234.5 USD"]),
        ("a refund of 12.50 for ORD-1", ["12.5"]),
        ("The amount is 20.", ["20"]),
        ("refund 20 for ORD-1", []),
        ("version 12.50", []),
        ("Pay 5k EUR", []),
        ("Pay EUR 5 million", []),
        ("Pay EUR 5-7", []),
        ("Order ORD-12.50", []),
        ("at 12.50 o'clock", []),
        ("-12.50 EUR", []),
        ("Pay 10 500 EUR", []),
        ("Pay EUR 10 500", []),
        ("Pay €10'500.00", []),
        ("a total of 10\u202f500.00", []),
        ("Refund half of 100.00 EUR", []),
        ("Refund 30 % of the total of 80.00", []),
        ("Pay twice the fee of 20.00 EUR", []),
        ("Pay 3 x 20.00 EUR", []),
        ("Refund 20.00 EUR of 100.00 EUR", ["20 EUR"]),
        ("Order 17 20.00 EUR", ["20 EUR"]),
    ],
)
def test_an_amount_has_a_currency_or_a_word_that_names_it(text, amounts):
    assert named(text, "amount") == amounts


def test_accounts_addresses_urls_and_dates_are_read_whole():
    text = "Wire to DE89 3704 0044 0532 0130 00, tell jane@Example.com by 5 March 2026, see https://example.com/a."
    assert named(text, "account") == ["DE89370400440532013000"]
    assert named(text, "address") == ["jane@example.com"]
    assert named(text, "date") == ["2026-03-05"]
    assert named(text, "url") == ["https://example.com/a"]


@pytest.mark.parametrize(
    "text",
    [
        "Do not refund ORD-2.",
        "Refund ORD-1 but not ORD-2.",
        "Refund ORD-1, don't touch ORD-2, ORD-3.",
        "Refund ORD-1 and leave ORD-2 alone.",
        "ORD-2, ORD-3 must not be refunded.",
        "Refund all except ORD-2.",
        "Refund ORD-1 instead of ORD-2.",
        "Refund ORD-1.\n> and refund ORD-2 too",
        "Refund ORD-1.\n```\nrefund ORD-2\n```",
        "Refund ORD-1.\n-----Original Message-----\nrefund ORD-2",
        "Refund ORD-1.\nFrom: Eve\nORD-2",
        "Refund ORD-1.\nOn Monday Eve <eve@evil.org> wrote:\nORD-2",
    ],
)
def test_what_is_negated_or_quoted_from_others_is_not_named(text):
    assert "ORD-2" not in named(text, "id")
    assert "eve@evil.org" not in named(text, "address")


@pytest.mark.parametrize(
    "text", ["Refund ORD-1, but not ORD-2.", "Invoice no. 42 and ORD-1", "Skip nothing.\nRefund ORD-1"]
)
def test_a_negation_takes_no_more_than_its_own(text):
    assert "ORD-1" in named(text, "id")


def test_the_word_that_names_an_id_is_kept():
    assert [mention.role for mention in read_mentions("orders 17 and 18, customer 9")] == [
        "order",
        "order",
        "customer",
    ]


def test_the_first_word_may_be_what_is_to_be_done():
    assert [mention.role for mention in read_mentions("Tag acme/search")] == [""]
    assert [mention.role for mention in read_mentions("Order 17 is late")] == ["order"]


@pytest.mark.parametrize("text", ["word " * 5_000, " ".join(f"evil{n}.org" for n in range(300))])
def test_a_text_that_is_too_much_to_search_is_judged_as_a_whole(text):
    assert [(len(each.text), each.types) for each in find_embedded(text)] == [(len(text), ())]


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("Anna Schmidt", True),
        ("Anna", False),
        ("Schmidt", False),
        ("anna schmidt", False),
        ("Annа Schmidt", False),  # a Cyrillic a
        ("staging", True),
        ("stag", False),
        ("the", False),
        ("prod", True),  # quoted
        ("Q3 Launch", True),
    ],
)
def test_a_name_is_named_whole(phrase, said):
    assert phrased("Please give Anna Schmidt access to staging and `prod` for Q3 Launch.", phrase) is said


def test_what_is_too_long_to_read_is_cut_at_a_line():
    assert "ORD-2" not in named("x " * 10_000 + "\n" + "Do not refund ORD-2", "id")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://evil.org/pay now", "https://evil.org/pay"),
        ("pay at evil.org", "evil.org"),
        ("pay at evil.rs", "evil.rs"),
        ("pay at evil.pdf.com", "evil.pdf.com"),
        ("go to www.evil.co.uk/x", "www.evil.co.uk/x"),
        ("mail eve@evil.org", "eve@evil.org"),
        ("<a href='//evil.org/x'>", "evil.org/x"),
        ("hxxps://evil.org", "hxxps://evil.org"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("at evil[.]org", "evil[.]org"),
        ("at evil (dot) org", "evil (dot) org"),
        ("eve (at) evil", "eve (at) evil"),
        ("http://10.0.0.1/x", "http://10.0.0.1/x"),
        ("call 10.0.0.1:80", "10.0.0.1:80"),
        ("IBAN DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
        ("account 12345678", "12345678"),
        ("call +49 30 1234567", "+49 30 1234567"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
    ],
)
def test_links_addresses_and_accounts_in_free_text_are_found(text, found):
    assert found in [each.text for each in find_embedded(text)]


def test_a_value_is_found_beside_a_longer_one_that_holds_it():
    found = [
        each.text
        for each in find_embedded(
            "see https://x.com/evil.org or evil.org, IBAN DE89 3704 0044 0532 0130 00 or 37040044"
        )
    ]
    assert {"https://x.com/evil.org", "evil.org", "DE89 3704 0044 0532 0130 00", "37040044"} <= set(found)


@pytest.mark.parametrize(
    "text", ["еvil.org", "ｅｖｉｌ．ｏｒｇ", "ev\u200bil.org", "evil。org", "eve@ev\u00adil.org", "١٢٣٤٥٦٧٨"]
)
def test_what_is_disguised_is_found_and_is_of_no_ascii_type(text):
    found = find_embedded(f"go to {text} now")
    assert found
    assert not any(normal_form(each.text, kind) for each in found for kind in each.types)


@pytest.mark.parametrize(
    "text",
    [
        "Dear Jane, your order ORD-1 was refunded today. Thank you!",
        "It is in report.pdf, i.e. the 3rd page, at 10:30.",
        "We paid 12.50 EUR on 2026-03-05.",
        "Fixed in v1.4.2 of payments-api; e.g. the retry.",
    ],
)
def test_plain_text_holds_no_arguments(text):
    assert find_embedded(text) == ()


@pytest.mark.parametrize(
    "text", ["a" * 20_000, "a." * 10_000, "1 " * 10_000, "@" * 20_000, "a dot " * 3_000, "https:/" * 2_800]
)
def test_no_text_takes_long_to_search(text):
    begun = time.process_time()
    find_embedded(text)
    read_mentions(text)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "text",
    [
        "Do not refund these:\n- A-1001 49.90 EUR\n- A-1002 20 EUR",
        "Already refunded:\n\nA-1001, 49.90 EUR",
        "Exceptions:\nA-1001 49.90 EUR",
        "Nobody may refund A-1001 by 49.90 EUR",
        "Dont refund A-1001 by 49.90 EUR",
        "A-1001 was already settled by 49.90 EUR",
        "Refuse to refund A-1001 by 49.90 EUR",
        "Should we refund A-1001 by 49.90 EUR?",
        "Refund A-1001 by 49.90 EUR?! No.",
    ],
)
def test_what_heads_a_list_with_a_no_or_only_asks_names_nothing(text):
    assert read_mentions(text) == []


def test_a_favour_is_asked_for_and_the_next_paragraph_is_another_list():
    assert "A-1001" in {one.form for one in read_mentions("Can you refund A-1001 by 49.90 EUR?")}
    text = "Do not refund:\nA-1001, 49.90 EUR\n\nRefund:\nA-1002, 20.00 EUR"
    assert {one.form for one in read_mentions(text)} >= {"A-1002", "20 EUR"}
    assert not {one.form for one in read_mentions(text)} & {"A-1001", "49.9 EUR"}


@pytest.mark.parametrize(
    "text",
    [
        'write to "eve"@evil.example',
        "write to 'eve'@evil.example",
        "see evil&#46;example",
        "see <b>evil</b>.example",
        "see evil<!-- -->.example",
        "see **evil**.example",
        "see evil\\.example",
        "see evi\u0338l\u0338.example",
        "call 0 - 1 7 6 - 1 2 3 4 5 6 7",
        "call 0176\u20131234567",
        "call 0176\u00b71234\u00b7567",
        "call 0_176_1234_567",
    ],
)
def test_no_markup_mark_or_separator_hides_what_counts_as_an_argument(text):
    assert find_embedded(text)


def test_what_is_emphasised_is_judged_as_it_is_shown():
    assert ("anna@shop.example", True) in {
        (one.text, bool(one.types)) for one in find_embedded("Write to <b>anna@shop.example</b>.")
    }


def test_no_text_takes_longer_than_a_moment_to_be_searched():
    began = time.process_time()
    for text in (
        "20 EUR " * 2800,
        "\n\n" * 10_000,
        "*" * 20_000,
        "<!--" * 5000,
        "?" * 20_000 + "a",
        "a:\n" * 6000,
        "1 - " * 5000,
        ("x" * 498 + " ") * 40,
    ):
        find_embedded(text)
        read_mentions(text)
    assert time.process_time() - began < 5
