"""What is presented may be anything: each form is read, each fault named, nothing takes long, and nothing is guessed."""

import gzip
import json
import time
import zlib
from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from openbadgeslib.baking import (
    ITXT_KEYWORD_OB3,
    SVG_ELEMENT_OB3,
    bake_png,
    extract_png,
    extract_svg,
)

from badges.samples import DOMAIN, ENTRY, LOOPBACK, MADE_AT, VIEW, Issuer
from conftest import examples
from credtrail.badges import bake
from credtrail.badges.contexts import canonize, find_unsigned
from credtrail.badges.desk import did_web_address, write_json
from credtrail.badges.keys import write_base58, write_base64url
from credtrail.badges.presented import UnreadableError, read_presented
from credtrail.badges.sign import sign_document, sign_jwt
from credtrail.badges.verify import NOTHING, find_needs, verify
from credtrail.values import now

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
SVG = b'<svg viewBox="0 0 1 1" xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
ISSUER = Issuer()
SIGNED = ISSUER.signed()
TOKEN = sign_jwt(ISSUER.document(), ISSUER.key, ISSUER.did)


def judge(content, issuer=ISSUER, at=None, **more):
    """Our verification of some bytes, or of a document."""
    raw = content if isinstance(content, bytes) else write_json(content)
    return verify(read_presented(raw), issuer.known(), at or now(), **more)


def test_an_unrelated_library_reads_what_we_bake_and_we_what_it_bakes():
    text = write_json(SIGNED).decode()
    assert extract_png(bake.bake_png(PNG, text), keyword=ITXT_KEYWORD_OB3) == text
    assert extract_png(bake.bake_png(PNG, TOKEN), keyword=ITXT_KEYWORD_OB3) == TOKEN
    assert extract_svg(bake.bake_svg(SVG, TOKEN), element=SVG_ELEMENT_OB3) == TOKEN
    assert extract_svg(bake.bake_svg(SVG, text), element=SVG_ELEMENT_OB3, text_fallback=True) == text
    theirs = bake_png(PNG, TOKEN, keyword=ITXT_KEYWORD_OB3)
    assert judge(theirs).verdict == "verified"


def test_a_drawing_with_a_document_type_is_read_if_that_defines_nothing():
    """As drawing programs write it."""
    public = b'PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"'
    baked = bake.bake_svg(SVG, write_json(SIGNED).decode())
    assert judge(b'<?xml version="1.0"?><!DOCTYPE svg ' + public + b">" + baked).verdict == "verified"
    for inside in (
        b'[<!ENTITY a "aaaa">]',
        public + b"[]",
        public + b'[<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]',
    ):
        with pytest.raises(UnreadableError):
            read_presented(b"<!DOCTYPE svg " + inside + b">" + baked)


@given(st.text(max_size=40))
@settings(max_examples=examples(60))
def test_any_words_survive_each_picture(text):
    told = json.dumps({"credentialSubject": {"words": text + "]]>"}}, ensure_ascii=False).replace(
        "\ud800", ""
    )
    try:
        told.encode()
    except UnicodeEncodeError:
        return
    for container, baked in (("png", bake.bake_png(PNG, told)), ("svg", bake.bake_svg(SVG, told))):
        found, taken = bake.take_out(baked)
        assert found == container
        assert json.loads(taken) == json.loads(told)


def test_a_compressed_chunk_is_read_and_a_bomb_is_not_unpacked():
    def chunked(content):
        body = b"openbadgecredential\0\1\0\0\0" + content
        length = len(body).to_bytes(4, "big")
        return PNG[:33] + length + b"iTXt" + body + zlib.crc32(b"iTXt" + body).to_bytes(4, "big") + PNG[33:]

    assert judge(chunked(zlib.compress(write_json(SIGNED)))).verdict == "verified"
    bombs = (
        chunked(zlib.compress(b" " * 100_000_000)),
        b"%PDF-1.7\nstream\n" + zlib.compress(b" " * 100_000_000) + b"\nendstream",
        b"%PDF-1.7\n" + b"stream\n" * 50_000,
        b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaa">]><svg>&a;</svg>',
    )
    began = time.process_time()
    for bomb in bombs:
        with pytest.raises(UnreadableError):
            read_presented(bomb)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not_json"),
        (b"hello", "not_json"),
        (b"{}", "not_a_credential"),
        (b"[]", "not_json"),
        (b'{"credentialSubject": {}, "a": 1, "a": 2}', "not_json"),
        (b'{"credentialSubject": NaN}', "not_json"),
        (b'{"credentialSubject": "\\ud800"}', "not_json"),
        (b'{"credentialSubject": ' + b"[" * 60 + b"]" * 60 + b"}", "too_large"),
        (b'{"credentialSubject": ' + b"[" * 100_000, "not_json"),
        (b'{"credentialSubject": "' + b"x" * 300_000 + b'"}', "too_large"),
        (b"a.b.c", "not_json"),
        (PNG, "nothing_found"),
        (SVG, "nothing_found"),
        (b"%PDF-1.7", "nothing_found"),
        (b"\xff\xfe\x00", "nothing_found"),
        (PNG[:30], "nothing_found"),
    ],
)
def test_what_is_no_credential_is_said_so(content, reason):
    with pytest.raises(UnreadableError) as refused:
        read_presented(content)
    assert refused.value.reason == reason


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SIGNED, "x"]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(list(SIGNED)),
    st.sampled_from([*SIGNED["proof"], ""]),
)
@settings(max_examples=examples(120))
def test_no_value_in_any_place_breaks_the_verification(value, name, within):
    """Whatever stands there, there is a verification, and it never holds but for what was signed."""
    changed = {**SIGNED, name: value}
    if within:
        changed["proof"] = {**SIGNED["proof"], within: value}
    try:
        verification = judge(changed)
    except UnreadableError:
        return
    assert verification.verdict != "verified" or changed == SIGNED
    find_needs(verification.presented)
    for named in verification.checks:
        assert named.reason


def test_statements_made_to_take_endless_time_are_refused_at_once():
    """Nodes without a name that look all the same: telling them apart would take longer than anybody lives."""
    alike = [{"type": ["Evidence"], "name": "x"} for _ in range(60)]
    began = time.process_time()
    verification = judge({**SIGNED, "evidence": alike})
    assert time.process_time() - began < 3
    assert verification.of("signature").reason == "signature_broken"


def linked(links):
    """A credential with nodes that name each other; their names are none, so they look the same."""
    nodes = [
        {"id": f"_:b{number}", "type": ["Profile"], "parentOrg": [{"id": f"_:b{other}"} for other in others]}
        for number, others in enumerate(links)
    ]
    return SIGNED | {"issuer": SIGNED["issuer"] | {"parentOrg": nodes}}


@pytest.mark.parametrize(
    "links",
    [
        [[(number + 1) % 100] for number in range(100)],
        [[(number + step) % 60 for step in (1, 7, 11)] for number in range(60)],
        [[number ^ (1 << bit) for bit in range(5)] for number in range(32)],
        [[other for other in range(20) if other != number] for number in range(20)],
        [[4 * (number // 4) + (number + 1) % 4] for number in range(100)],
    ],
    ids=["ring", "circulant", "hypercube", "clique", "squares"],
)
def test_a_graph_made_to_be_hard_takes_no_longer_than_another(links):
    began = time.process_time()
    verification = judge(linked(links))
    assert time.process_time() - began < 2
    assert verification.of("signature").reason == "signature_broken"
    assert verification.of("structure").reason == "unsigned_words"


def test_alike_things_are_told_apart_as_the_standard_says():
    """Two identical alignments and more: no poison, and no longer refused."""
    alike = [{"type": ["Evidence"], "name": "Sheet", "genre": "Herbarium"}] * 9
    document = {name: part for name, part in (SIGNED | {"evidence": alike}).items() if name != "proof"}
    text = canonize(document)
    assert text.count("Herbarium") == 9
    assert find_unsigned(document) is None


def test_numbers_that_no_statement_can_hold_are_malformed_and_never_an_error():
    for number in (10**400, -(10**400), 10**21 + 1):
        verification = judge(SIGNED | {"name": number})
        assert verification.of("structure").outcome == "failed"
        assert verification.of("signature").reason == "signature_broken"


def test_what_is_too_large_is_said_to_be():
    packed = zlib.compress(b" " * 100_000_000)
    body = b"openbadgecredential\0\1\0\0\0" + packed
    png = PNG[:33] + len(body).to_bytes(4, "big") + b"iTXt" + body + bytes(4) + PNG[33:]
    pdf = b"%PDF-1.7\n" + (b"stream\n" + packed + b"\nendstream") * 70
    for content in (png, pdf, b"x" * 2_000_000, b'{"a": "' + b"x" * 300_000 + b'"}'):
        with pytest.raises(UnreadableError) as refused:
            read_presented(content)
        assert refused.value.reason == "too_large"


def test_a_foreign_issuer_is_told_apart_from_one_that_is_known_here():
    verification = verify(read_presented(write_json(SIGNED)), NOTHING, now())
    assert verification.verdict == "incomplete"
    assert verification.of("signature").reason == "needs_key"
    assert verification.of("issuer").reason == "issuer_not_known"
    assert find_needs(verification.presented) == ((ISSUER.did,), (ISSUER.list_address,))
    # By did:key the signature holds without anything else; the status stays open.
    foreign = Issuer(LOOPBACK)
    verification = verify(read_presented(write_json(foreign.signed())), NOTHING, now())
    assert [verification.of(item).outcome for item in ("signature", "issuer_key", "status")] == [
        "passed",
        "passed",
        "unchecked",
    ]
    assert verification.verdict == "incomplete"
    without = verify(read_presented(write_json(foreign.signed(with_status=False))), NOTHING, now())
    assert without.verdict == "verified"
    assert without.of("status").reason == "no_status"


def test_whose_it_is_and_from_where_is_open_until_the_proof_holds():
    def of(verification):
        return [tuple(verification.of(item))[1:] for item in ("issuer_domain", "issuer")]

    domain, name = "credentials.example", "Open Meadow Academy"
    assert of(judge(SIGNED)) == [("passed", "same_domain", domain), ("passed", "issuer_known", name)]
    open_ = [("unchecked", "not_proven", domain), ("unchecked", "not_proven", name)]
    unsigned = {name: part for name, part in SIGNED.items() if name != "proof"}
    for forged in (SIGNED | {"name": "Zoology"}, unsigned, SIGNED | {"honours": "summa cum laude"}):
        verification = judge(forged)
        assert (verification.verdict, of(verification)) == ("failed", open_)
    keyless = verify(read_presented(write_json(SIGNED)), ISSUER.known()._replace(did_documents={}), now())
    assert (keyless.verdict, of(keyless)) == ("incomplete", open_)


def test_a_key_at_the_issuer_s_web_address_is_open_and_one_of_somebody_else_is_not():
    issuer = {"id": "https://meadow.example/issuer", "type": ["Profile"], "name": "Open Meadow Academy"}
    for method, expected in (
        ("https://meadow.example/issuer#key-1", ("unchecked", "key_not_known")),
        ("https://other.example/issuer#key-1", ("failed", "key_not_of_issuer")),
        (f"{ISSUER.did}#{ISSUER.key.id}", ("failed", "key_not_of_issuer")),
    ):
        told = SIGNED | {"issuer": issuer, "proof": SIGNED["proof"] | {"verificationMethod": method}}
        assert judge(told).of("issuer_key")[1:3] == expected


def test_dates_are_judged_to_the_second_and_clocks_may_differ():
    until = 4_077_010_799_000  # 2099-03-12T14:59:59Z
    assert judge(SIGNED, at=until).verdict == "verified"
    assert judge(SIGNED, at=until + 1_000).verdict == "expired"
    begin = 1_710_169_200_000
    known = ISSUER.known()._replace(status_lists={})
    presented = read_presented(write_json(ISSUER.signed(with_status=False)))
    assert verify(presented, known, begin - 299_000).verdict == "verified"
    assert verify(presented, known, begin - 301_000).verdict == "not_yet_valid"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("robin@learner.example", "email_matches"),
        (" ROBIN@Learner.Example ", "email_matches"),
        ("Robin Ñandú 🌿", "name_matches"),
        ("Robin N\u0303andu\u0301 🌿", "name_matches"),
        ("robin@elsewhere.example", "no_match"),
        ("sha256$", "no_match"),
        ("", "not_asked"),
        (None, "not_asked"),
    ],
)
def test_the_recipient_is_compared_by_what_somebody_types(typed, reason):
    verification = judge(SIGNED, recipient=typed)
    assert verification.of("recipient").reason == reason
    assert verification.verdict == ("failed" if reason == "no_match" else "verified")


def test_a_suspended_credential_and_lists_for_other_purposes():
    for purpose, reason in (("suspension", "suspended"), ("message", "status_not_known")):
        document = ISSUER.document()
        document["credentialStatus"] = {**document["credentialStatus"], "statusPurpose": purpose}
        listed = {
            name: part for name, part in ISSUER.status_list([ENTRY.position]).items() if name != "proof"
        }
        listed["credentialSubject"] = {**listed["credentialSubject"], "statusPurpose": purpose}
        signed_list = sign_document(listed, ISSUER.key, ISSUER.did, MADE_AT)
        known = ISSUER.known()._replace(
            status_lists={ISSUER.list_address: read_presented(write_json(signed_list))}
        )
        signed = sign_document(document, ISSUER.key, ISSUER.did, MADE_AT)
        assert verify(read_presented(write_json(signed)), known, now()).of("status").reason == reason


def test_an_unknown_context_leaves_the_signature_open_and_a_jwt_needs_none():
    named = [*SIGNED["@context"], "https://contexts.example/more.json"]
    verification = judge({**SIGNED, "@context": named})
    assert verification.of("structure").reason == "unknown_context"
    assert verification.of("structure").about == "https://contexts.example/more.json"
    assert verification.verdict == "incomplete"
    token = sign_jwt({**ISSUER.document(), "@context": named}, ISSUER.key, ISSUER.did)
    assert judge(token.encode()).verdict == "verified"


def test_a_jwt_whose_claims_say_something_else_than_its_body_is_refused():
    def signed(claims, header=None):
        head = header or {"alg": "EdDSA", "kid": f"{ISSUER.did}#{ISSUER.key.id}"}
        parts = [write_base64url(json.dumps(one).encode()) for one in (head, claims)]
        text = ".".join(parts)
        return f"{text}.{write_base64url(ISSUER.key.sign(text.encode()))}".encode()

    body = ISSUER.document()
    claims = {"iss": ISSUER.did, "jti": body["id"], "sub": body["credentialSubject"]["id"]}
    assert judge(signed({**body, **claims})).verdict == "verified"
    assert judge(signed({"vc": body, **claims})).verdict == "verified"
    for wrong in ({"iss": "did:web:other.example"}, {"jti": "x"}, {"sub": "x"}, {"nbf": 5}, {"exp": 5}):
        verification = judge(signed({**body, **claims, **wrong}))
        assert verification.of("signature").reason == "claims_differ", wrong
    for header in (
        {"alg": "none", "kid": f"{ISSUER.did}#{ISSUER.key.id}"},
        {"alg": "HS256", "kid": f"{ISSUER.did}#{ISSUER.key.id}"},
        {"alg": "EdDSA"},
        {"alg": "EdDSA", "kid": f"{ISSUER.did}#{ISSUER.key.id}", "crit": ["exp"]},
    ):
        assert judge(signed({**body, **claims}, header)).verdict == "incomplete", header
    other = judge(signed({**body, **claims}, {"alg": "EdDSA", "kid": "did:web:other.example#key"}))
    assert other.of("issuer_key").reason == "key_not_of_issuer"


def test_a_jwt_by_a_p_256_key_holds():
    key = generate_private_key(SECP256R1())
    raw = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    name = "z" + write_base58(b"\x80\x24" + raw)
    did = f"did:key:{name}"
    body = {**ISSUER.document(with_status=False), "issuer": {"id": did, "type": ["Profile"]}}
    header = {"alg": "ES256", "kid": f"{did}#{name}"}
    text = ".".join(write_base64url(json.dumps(one).encode()) for one in (header, body))
    halves = decode_dss_signature(key.sign(text.encode(), ECDSA(SHA256())))
    signature = b"".join(half.to_bytes(32, "big") for half in halves)
    assert judge(f"{text}.{write_base64url(signature)}".encode()).verdict == "verified"
    assert judge(f"{text}.{write_base64url(signature[::-1])}".encode()).verdict == "failed"


def test_where_the_document_of_a_did_web_is():
    assert did_web_address("did:web:meadow.example") == "https://meadow.example/.well-known/did.json"
    assert did_web_address("did:web:meadow.example%3A8443:a:b") == "https://meadow.example:8443/a/b/did.json"
    for wrong in (
        "did:web:",
        "did:web:a/b",
        "did:web:a%2Fb",
        "did:web:a:../b",
        "did:web:a@b",
        "did:web:a:b c",
    ):
        assert did_web_address(wrong) is None, wrong


def test_a_list_that_is_too_long_or_no_list_leaves_the_status_open():
    bomb = "u" + urlsafe_b64encode(gzip.compress(b"\0" * 50_000_000)).decode()
    for encoded in (bomb, "", "u", "nothing", 7):
        listed = {name: part for name, part in ISSUER.status_list().items() if name != "proof"}
        listed["credentialSubject"] = {**listed["credentialSubject"], "encodedList": encoded}
        signed_list = sign_document(listed, ISSUER.key, ISSUER.did, MADE_AT)
        try:
            found = read_presented(write_json(signed_list))
        except UnreadableError:
            continue
        known = ISSUER.known()._replace(status_lists={ISSUER.list_address: found})
        verification = verify(read_presented(write_json(SIGNED)), known, now())
        assert verification.of("status").outcome == "unchecked"
    assert VIEW.credential.public_id in SIGNED["id"]
    assert DOMAIN in SIGNED["id"]
