"""What recipients decide, as the issuer sees it: corrections of names, who sees a page, and what is allowed."""

import pytest

from conftest import ask_for_name, in_transaction
from credtrail.accounts.model import IssuerProfile
from credtrail.accounts.store import find_profile
from credtrail.credentials.store import find_view
from credtrail.recipients import acts

NEW = "Robin <Müller>"


def path_of(person, cast):
    return f"{person.home}/credentials/{cast.credential_id}"


def test_a_correction_is_shown_where_it_is_looked_for_and_accepted(ada_in, cast, settings):
    assert "None is waiting" in ada_in.see(f"{ada_in.home}/name-requests")
    request = ask_for_name(settings, cast, NEW)
    assert "1 correction of names</a> waits for an answer" in ada_in.see(f"{ada_in.home}/credentials")
    assert "Robin &lt;Müller&gt;" in ada_in.see(f"{ada_in.home}/name-requests")
    assert "Robin &lt;Müller&gt;" in ada_in.see(path_of(ada_in, cast))
    told = ada_in.post(f"{ada_in.home}/name-requests/{request.id}/accept")
    assert "The name is corrected" in told
    assert '<h1><bdi dir="auto">Robin &lt;Müller&gt;</bdi>' in told
    assert "answered or withdrawn" in ada_in.post(f"{ada_in.home}/name-requests/{request.id}/decline")
    log = ada_in.see(f"{ada_in.home}/audit-log")
    assert "accepted the recipient&#39;s name" in log
    assert "asked for another name" in log
    assert "Müller" not in log


def test_it_is_declined_with_a_reason(ada_in, cast, settings):
    request = ask_for_name(settings, cast, NEW)
    ada_in.see(path_of(ada_in, cast))
    told = ada_in.post(f"{ada_in.home}/name-requests/{request.id}/decline", reason="No.")
    assert "The name stays as it is" in told
    assert "Robin Ñandú" in told
    assert "declined" in told


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_viewers_see_it_and_leave_the_answer_to_editors(in_role, cast, settings, answer):
    request = ask_for_name(settings, cast, NEW)
    viewer = in_role("viewer")
    page = viewer.see(path_of(viewer, cast))
    assert "Robin &lt;Müller&gt;" in page
    assert "/accept" not in page
    viewer.post(f"{viewer.home}/name-requests/{request.id}/{answer}", status=403)


def test_who_sees_the_page_is_told(ada_in, cast, settings):
    def act(how, **more):
        def run(transaction):
            view = find_view(transaction, cast.workspace_id, cast.credential_id)
            how(transaction, view, **more)

        in_transaction(settings, run)
        return ada_in.see(path_of(ada_in, cast))

    assert "seen by whoever has its address" in ada_in.see(path_of(ada_in, cast))
    assert "seen by the verified owner alone, as its recipient chose" in act(
        acts.choose_privacy, privacy="private", days=7
    )
    assert "seen by whoever has the recipient’s link, until" in act(
        acts.choose_privacy, privacy="limited", days=7
    )
    assert "taken offline" in act(acts.set_offline, offline=True)


def test_what_recipients_may_do_is_a_setting(ada_in, cast, settings):
    path = f"{ada_in.home}/settings"
    assert "What recipients may do" in ada_in.see(path)
    form = {
        "name": "Open Meadow Academy",
        "brand_color": "#14594b",
        "language": "en",
        "privacy_mode": "storage",
        "indexed": "",
    }
    chosen = {
        "sharing": "recipient",
        "downloading": "nobody",
        "privacy_choices": "no",
        "name_changes": "at_once",
        "offline_choices": "no",
    }
    saved = IssuerProfile(
        sharing="recipient",
        downloading="nobody",
        privacy_choices=False,
        name_changes="at_once",
        offline_choices=False,
    )
    assert "Saved" in ada_in.post(path, **form, **chosen)
    assert in_transaction(settings, lambda tx: find_profile(tx, cast.workspace_id)) == saved
    assert "Saved" in ada_in.post(path, **form)  # what isn't sent stays
    assert in_transaction(settings, lambda tx: find_profile(tx, cast.workspace_id)) == saved
    for field in chosen:
        ada_in.post(path, status=400, **form, **{field: "everyone"})
