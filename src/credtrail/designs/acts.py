"""Making, changing and deleting a workspace's own designs and pictures, as every face does it. Called by `api`,
`images_api` and the dashboard."""

from collections.abc import Callable, Sequence

from msgspec import UNSET, UnsetType

from credtrail.accounts.model import IssuerImage, IssuerProfile
from credtrail.accounts.store import add_image, count_images, find_profile, find_workspace
from credtrail.database import Transaction
from credtrail.designs import store
from credtrail.designs.artwork import sample_of, sample_path
from credtrail.designs.document import Document, check_document, images_of, read_document, write_document
from credtrail.designs.examples import read_example
from credtrail.designs.images import Shape, shape_of
from credtrail.designs.model import Design, find_design
from credtrail.errors import Refusal, invalid, invalid_fields

MOST_IMAGES = 2_000
"""Images that a workspace can keep."""


def document_of(design: Design) -> Document:
    """Its document; of a built-in design one that looks much like it, to begin with."""
    return read_document(design.document) if design.document else read_example(design.look)


def make_design(transaction: Transaction, workspace_id: str, name: str, document: Document) -> Design:
    """Create an own design; refuses a document that isn't whole, and images that aren't there."""
    _check(transaction, workspace_id, document)
    return store.add_design(transaction, workspace_id, name, document.type, write_document(document))


def lock_own(transaction: Transaction, workspace_id: str, id_: str) -> Design:
    """The own design that is to be changed. Assumed: changing or deleting a built-in design is a conflict."""
    if find_design(id_) is not None:
        raise Refusal("conflict", "A built-in design can't be changed; make a copy of it with copyOf")
    design = store.lock_design(transaction, workspace_id, id_)
    if design is None:
        raise Refusal("not_found")
    return design


def change_design(
    transaction: Transaction,
    workspace_id: str,
    design: Design,
    *,
    name: str | UnsetType = UNSET,
    document: Document | UnsetType = UNSET,
) -> Design:
    """Change what is given of a design that was locked; refuses what `make_design` refuses, and another type."""
    changed = design
    if name is not UNSET:
        changed = changed._replace(name=name)
    if document is not UNSET:
        if document.type != design.type:
            raise invalid("document.type", f"must stay {design.type}")
        _check(transaction, workspace_id, document)
        changed = changed._replace(document=write_document(document))
    if changed != design:
        changed = changed._replace(updated_at=transaction.at)
        store.save_design(transaction, workspace_id, changed)
    return changed


def delete_unused(
    transaction: Transaction, design: Design, is_used: Callable[[Transaction, str], bool]
) -> None:
    """Delete a design that was locked, for good; refuses while a group uses it."""
    if is_used(transaction, design.id):
        raise Refusal("conflict", "A design that a group uses can't be deleted; give the group another")
    store.delete_design(transaction, design.id)


def sample_paths(transaction: Transaction, workspace_id: str, designs: Sequence[Design]) -> dict[str, str]:
    """Where the designs' pictures are, by id; own ones are shown with the workspace's own name and profile."""
    workspace, profile = None, IssuerProfile()
    if any(design.document for design in designs):
        workspace = find_workspace(transaction, id=workspace_id)
        profile = find_profile(transaction, workspace_id)
    return {
        design.id: sample_path(
            design,
            sample_of(design, workspace.name, profile)
            if design.document and workspace
            else sample_of(design),
        )
        for design in designs
    }


def keep_image(transaction: Transaction, workspace_id: str, image: IssuerImage) -> Shape:
    """Keep an uploaded picture, which `read_upload` read; refuses when the workspace has too many."""
    if count_images(transaction, workspace_id) >= MOST_IMAGES:
        raise Refusal("conflict", f"A workspace can keep {MOST_IMAGES:,} images; delete some first")
    shape = shape_of(image.content)
    add_image(transaction, workspace_id, image, (shape.width, shape.height))
    return shape


def _check(transaction: Transaction, workspace_id: str, document: Document) -> None:
    check_document(document)
    fields = images_of(document)
    missing = store.find_missing_images(transaction, workspace_id, fields)
    if missing:
        raise invalid_fields(
            tuple((fields[id_], "must be the id of an uploaded image") for id_ in fields if id_ in missing)
        )
