"""Makes the items of linked objects that a read did not list. Pure."""

from oncall.aggregates import Kind
from syncjobs.planning.values import Item, LinkDetail, LinkView


def detach(kind: Kind, link: LinkView) -> Item:
    """Return the item of an object that is not selected any more."""
    return Item(
        kind=kind,
        external_id=link.external_id,
        label=link.external_id,
        action="detach",
        fingerprint=link.source_hash,
        reason="no longer selected; it stays active here and no longer follows the source",
        link=link,
        row_id=link.row_id,
        row_version=link.row_version or 0,
    )


def hand_over(kind: Kind, link: LinkView, detail: LinkDetail) -> Item:
    """Return the item of a link that becomes the primary link of its row, although its object was not listed.

    No value is known of the object, so the row stays as it is. The former base is kept, so that a value that the source
    reports later is compared with it.
    """
    base = detail.compared_base.fields if detail.former_base.fields else {}
    return Item(
        kind=kind,
        external_id=link.external_id,
        label=link.external_id,
        action="settle",
        fingerprint="",  # so that the object is compared when it is listed again
        reason="no other source sets its fields any more; it was not listed, so nothing changes here",
        link=link,
        row_id=link.row_id,
        row_version=link.row_version or 0,
        base={"fields": dict(base)} if base else {},
        base_before={"fields": {path: detail.base.fields[path] for path in base if path in detail.base.fields}},
        takes_over=True,
        former_link=detail.former_link,
    )
