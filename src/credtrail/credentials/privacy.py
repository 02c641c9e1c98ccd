"""Who may see a credential's page, as values. Pure. Chosen by `recipients`, obeyed by every public face of a credential."""

from typing import Literal, NamedTuple, get_args

from credtrail.values import Actor, Moment

Privacy = Literal["public", "link", "limited", "private"]
"""`public`: everybody, and search engines may list it. `link`: whoever has its address, which nobody can guess; listed
nowhere. `limited`: whoever has the one signed link, until that ends. `private`: the verified owner alone."""

PRIVACIES: tuple[str, ...] = get_args(Privacy)


class PagePrivacy(NamedTuple):
    """What was chosen for one credential's page; the defaults are those of a page for which nothing was.

    `serial` counts the choices: a signed link is good for one of them. `link_expires_at` is that of the limited link.
    Offline goes before everything else: then nobody sees the page.
    """

    chosen: Privacy | None = None
    chosen_by: Actor | Literal["issuer"] | None = None
    link_expires_at: Moment | None = None
    serial: int = 0
    offline_at: Moment | None = None


def privacy_of(page: PagePrivacy, *, indexed: bool) -> Privacy:
    """What holds: what was chosen, else what the workspace says of search engines."""
    return page.chosen or ("public" if indexed else "link")
