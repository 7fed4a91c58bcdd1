"""The page *Not followed* of a connection: what is detached, ignored, pinned, or new at the source and not selected."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from connectors.admin.connections import START
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.records import ENTITY_TYPES, EntityKey
from oncall.numbers import row_number
from syncjobs.admin.buttons import account_of
from syncjobs.admin.source.review import ReviewAdmin
from syncjobs.admin.source.selection import VIEW
from syncjobs.models import ExternalLink, SyncProfile
from syncjobs.pages.marks import ago, kind_words, render_page, row_url
from syncjobs.pages.source.frame import frame_of
from syncjobs.setup.inventory import cached_inventory, inventory_of, inventory_read_at
from syncjobs.setup.not_followed import (
    PARTS,
    Followed,
    add_to_selection,
    counts_of,
    followed,
    followed_key,
    ignore_new,
    links_of,
    may_ignore,
    may_release,
    new_objects,
    release,
)
from syncjobs.words.values import field_word

PER_PAGE: Final = 50
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "detached": (
        "Detached",
        "They left the selection, or are gone at the source and were kept. They do not follow the source any more.",
    ),
    "ignored": ("Ignored", "They exist at the source, but no sync writes them. A released one is linked again."),
    "pinned": ("Pinned fields", "These fields are kept here. A released one is compared by the next sync again."),
    "new": (
        "New at the source",
        "The source lists them. They are neither selected nor needed by the selection.",
    ),
}
_OWNERS: Final = {"local": "kept here", "ask": "asked when the source changes"}


class NotFollowedAdmin(ReviewAdmin):
    """Adds the page *Not followed* to a connection."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.following_view)
        return [path("<int:object_id>/following/", view, name="connectors_connection_following"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "POST"]))
    def following_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show one part. A POST releases, adds or ignores what is ticked, or reads the list of the source again."""
        connection = self.loaded(request, object_id, VIEW)
        profile = SyncProfile.objects.get_or_create(connection=connection)[0]
        profile.connection = connection
        part = request.GET.get("part", "")
        part = part if part in PARTS else "detached"
        error: ConnectorError | None = None
        if request.method == "POST":
            if request.POST.get("do") != "read":
                self._do(request, profile)
                return HttpResponseRedirect(f"{following_url(connection)}?part={part}")
            error = self._read(request, connection)
        return self._part(request, profile, part, error)

    def _part(
        self, request: HttpRequest, profile: SyncProfile, part: str, error: ConnectorError | None
    ) -> HttpResponse:
        connection, account = profile.connection, account_of(request)
        nodes = cached_inventory(connection)
        new = [] if nodes is None else new_objects(profile, nodes)
        rows: Sequence[Any] = new if part == "new" else links_of(connection, part)  # type: ignore[assignment]
        page: Page[Any] = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
        counts: dict[str, int | None] = {**counts_of(connection), "new": None if nodes is None else len(new)}
        read_at = inventory_read_at(connection)
        context = {
            "frame": frame_of(profile, "following", account),
            "connection": connection,
            "part": part,
            "tabs": [(name, _WORDS[name][0], counts[name]) for name in PARTS],
            "title_of_part": _WORDS[part][0],
            "sentence": _WORDS[part][1],
            "rows": [
                _row(request, each if isinstance(each, Followed) else followed(each)) for each in page.object_list
            ],
            "page": page,
            "error": error,
            "everything": bool(profile.selection.get("everything", True)),
            "is_read": nodes is not None,
            "read_at": ago(read_at) if read_at is not None else "",
            "may_release": may_release(account),
            "may_ignore": may_ignore(account),
            "may_read": request.user.has_perm(START) and connection.disconnected_at is None,
        }
        title = f"What does not follow {connection}"
        return render_page(self, request, "syncjobs/not_followed.html", title, connection, **context)

    def _read(self, request: HttpRequest, connection: Connection) -> ConnectorError | None:
        if not request.user.has_perm(START):
            raise PermissionDenied
        try:
            inventory_of(connection, fresh=True)
        except ConnectorError as error:
            return error
        return None

    def _do(self, request: HttpRequest, profile: SyncProfile) -> None:
        """Do what a button says with the ticked objects, and say what was done."""
        account, connection, do = account_of(request), profile.connection, request.POST.get("do", "")
        allowed = {"release": may_release, "add": may_release, "ignore": may_ignore}
        if do not in allowed or not allowed[do](account):
            raise PermissionDenied
        keys, pins = _ticked(request.POST.getlist("key")), _ticked_pins(connection, request.POST.getlist("pin"))
        if do == "release":
            done = release(connection, keys, account)
            done += [key for key, paths in pins.items() for key in release(connection, [key], account, paths=paths)]
            text = "Released: {}. The next sync links or compares them again."
        elif do == "add":
            done = add_to_selection(profile, keys, account)
            text = "Added to the selection: {}. The next sync imports them; a plan shows the effect first."
        else:
            done = ignore_new(connection, keys, account)
            text = "Ignored: {}. Remembered answers of the connection list them."
        if not done:
            messages.info(request, "Nothing was changed: nothing is ticked, or it was changed before.")
            return
        self.log_change(request, connection, f"{text.partition(':')[0]}: {', '.join(map(_text, done))[:1000]}.")
        messages.success(request, text.format(len(done)))


def following_url(connection: Connection) -> str:
    return reverse("admin:connectors_connection_following", args=[connection.pk])


def _row(request: HttpRequest, each: Followed) -> dict[str, Any]:
    return {
        "object": each,
        "kind": kind_words(each.key[0], plural=False),
        "url": row_url(request, each.key[0], each.row_id),
        "pins": [
            {
                "value": f"{each.link_id}#{path}",
                "word": field_word(path),
                "path": path,
                "owner": _OWNERS.get(owner, owner),
            }
            for path, owner in sorted(each.pins.items())
        ],
    }


def _text(key: EntityKey) -> str:
    return f"{kind_words(key[0], plural=False)} {key[1]}"


def _ticked(values: Sequence[str]) -> list[EntityKey]:
    """Return the keys of tick boxes. Values that no page sends are ignored."""
    found: dict[EntityKey, None] = {}
    for value in values:
        name, _, external_id = value.partition(":")
        kind = next((kind for kind in ENTITY_TYPES if kind == name), None)
        if kind is not None and 0 < len(external_id) <= 255:
            found[kind, external_id] = None
    return list(found)


def _ticked_pins(connection: Connection, values: Sequence[str]) -> dict[EntityKey, list[str]]:
    """Return the paths of ticked pins by the key of their link. A value is ``LINK#PATH``."""
    paths: dict[int, list[str]] = {}
    for value in values:
        number, _, pinned = value.partition("#")
        paths.setdefault(row_number(number), []).append(pinned)
    links = ExternalLink.objects.filter(connection=connection, pk__in=paths).only("entity_type", "external_id")
    return {followed_key(link): paths[link.pk] for link in links}
