"""No account gets more, or less, than its rights on any address of both sites."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.template.response import TemplateResponse
from django.utils import timezone

from connectors.errors import ConnectorError
from connectors.records import SourceMember, SourceTeam
from oncall.aggregates import Draft
from oncall.models import Role, User, UserGroup
from oncall.operations import create_account, grant_lead, write
from syncjobs.models import Invitation, Rule
from tests.syncjobs.admin.matrix import METHODS, SITES, Cell, Matrix, Visitor, routes, rules, split
from tests.syncjobs.conftest import BY, Sync, layer, schedule

pytestmark = pytest.mark.django_db
#: How many cells of single permissions are opened without --thorough, chosen by seed.
SAMPLE = 500
ROUTES = sorted(set(routes()))


@pytest.fixture
def table(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> Matrix:
    """The matrix over one row of each model. All imported rows concern the group Platform."""
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U1", "U2"), group_ids=("T1",)),))
    run = sync.run()
    plain = create_account("plain@example.com", "long-enough-1", by=BY)

    def refuse(*args: Any, **options: Any) -> Any:
        raise ConnectorError("The source was not read.", hint="", provider="pagerduty")

    monkeypatch.setattr("connectors.admin.connections.probe_connection", refuse)
    monkeypatch.setattr("syncjobs.admin.source.selection.inventory_of", refuse)
    # Whether a page is shown is decided before it is rendered. Other tests render all pages.
    monkeypatch.setattr(TemplateResponse, "rendered_content", "")
    monkeypatch.setattr("config.pages.render_to_string", lambda *args: "page of an error")
    item = run.items.order_by("pk")[0]
    Invitation.objects.create(
        connection=sync.connection, email="invited@example.com", state="sent", created_at=timezone.now()
    )
    Rule.objects.create(
        connection=sync.connection, kind="user_not_found", pattern="*", choice="leave", made_at=timezone.now()
    )
    ids = {"run_id": run.pk, "item_id": item.pk, "uidb64": "MQ", "token": "set-password", "content_type_id": 1}
    ids["uid"] = "00000000-0000-4000-8000-000000000000"
    return Matrix({**ids, "oncall/user": {"object_id": plain.pk}})


def account(
    name: str, *, staff: bool = True, roles: tuple[str, ...] = (), permission: Permission | None = None
) -> User:
    made = create_account(f"{name}@example.com", is_staff=staff, by=BY)
    made.groups.set(Group.objects.filter(name__in=roles))
    made.user_permissions.set([permission] if permission else [])
    return User.objects.get(pk=made.pk)


def role_visitors() -> list[Visitor]:
    """Nobody, accounts without rights, the roles, a lead of other groups, and a superuser."""
    (other,) = write("user_group", [Draft({"name": "Elsewhere"})], by=BY)
    visitors = [
        Visitor("anonymous"),
        Visitor("no role", account("none", staff=False)),
        Visitor("staff without role", account("staff")),
        Visitor("superuser", User.objects.create_superuser("super@example.com")),
    ]
    for number, role in enumerate(Role.values):
        visitors.append(Visitor(role, account(f"role{number}", roles=(role,)), own=True))
        visitors.append(Visitor(f"{role}, no staff", account(f"plain{number}", roles=(role,), staff=False), own=True))
    foreign = Visitor("Team lead of another group", account("foreign", roles=(Role.TEAM_LEAD,)))
    platform = UserGroup.objects.get(name="Platform").pk
    for visitor in visitors:
        if visitor.own and visitor.account:
            grant_lead(visitor.account.pk, platform, BY)
    assert foreign.account is not None
    grant_lead(foreign.account.pk, other.id, BY)
    return [*visitors, foreign]


def permission_visitors() -> list[Visitor]:
    """For each permission a staff account that has no other."""
    rows = Permission.objects.select_related("content_type").order_by("pk")
    return [
        Visitor(f"{row.content_type.app_label}.{row.codename}", account(f"permission{row.pk}", permission=row))
        for row in rows
    ]


def all_cells(visitors: list[Visitor]) -> list[Cell]:
    return [Cell(visitor, route, method) for visitor in visitors for route in ROUTES for method in METHODS]


def test_every_address_has_an_expectation() -> None:
    for route in ROUTES:
        rules(route)
    models = {model._meta.label_lower for site in SITES.values() for model in site._registry}
    assert {split(route)[1].replace("/", ".") for route in ROUTES} == {*models, ""}


def test_an_address_without_an_expectation_is_an_error() -> None:
    for route in ("admin/oncall/schedule/<int:pk>/export/", "admin/export/", "export/", "admin/oncall/new/"):
        with pytest.raises(KeyError):
            rules(route)


def test_roles_get_what_is_theirs(table: Matrix, record_property: Callable[[str, object], None]) -> None:
    visitors = role_visitors()
    cells = all_cells(visitors)
    deviations = table.deviations(cells)
    record_property("counts", f"{len(visitors)} accounts × {len(ROUTES)} addresses × GET, POST: {len(cells)} cells")
    assert not deviations, "\n".join(deviations)


def test_a_single_permission_opens_what_it_is_for(
    table: Matrix, thorough: bool, record_property: Callable[[str, object], None]
) -> None:
    visitors = permission_visitors()
    cells = all_cells(visitors)
    seed = random.randrange(1_000_000)
    deviations = table.deviations(cells if thorough else sample(cells, random.Random(seed)))
    opened = len(cells) if thorough else SAMPLE
    record_property("counts", f"{len(visitors)} permissions: {opened} of {len(cells)} cells opened, seed {seed}")
    assert not deviations, "\n".join([f"seed {seed}", *deviations])


def sample(cells: list[Cell], chance: random.Random) -> list[Cell]:
    """A half are pages of the model that the permission is for: there are few of them, and most open cells."""
    own = [cell for cell in cells if cell.visitor.name.rpartition("_")[2] == split(cell.route)[1].rpartition("/")[2]]
    others = sorted(set(cells) - set(own), key=lambda cell: (cell.visitor.name, cell.route, cell.method))
    return chance.sample(own, SAMPLE // 2) + chance.sample(others, SAMPLE // 2)


def test_roles_at_the_source_alter_no_cell(table: Matrix, sync: Sync) -> None:
    lead, plain = account("lead", roles=(Role.TEAM_LEAD,)), account("plain2")
    visitors = [Visitor("Team lead", lead, own=True), Visitor("staff", plain)]
    grant_lead(lead.pk, UserGroup.objects.get(name="Platform").pk, BY)
    cells = [cell for cell in all_cells(visitors) if cell.route.startswith("admin/oncall/")]
    before = [table.answer(cell) for cell in cells]
    members = tuple(SourceMember(who, "administrator") for who in ("U1", "U2", "U3"))
    sync.source.change(teams=(SourceTeam("T1", "Platform", "", members),))
    sync.run()
    assert set(UserGroup.objects.get(name="Platform").members.values_list("imported_role", flat=True)) == {
        "administrator"
    }
    assert [table.answer(cell) for cell in cells] == before


def unguarded(*args: Any, **options: Any) -> bool:
    return True


#: A fault, and an address that it opens.
FAULTS: tuple[tuple[str, str, Callable[..., bool], str], ...] = (
    ("a page without a check", "oncall.admin.base.aggregate.acts_as_lead", unguarded, "admin/oncall/service/"),
    (
        "rows of other groups",
        "oncall.selectors.visible.may_view_all",
        unguarded,
        "oncall/schedule/<path:object_id>/change/",
    ),
    ("a site for everybody", "oncall.admin.everybody.site.EverybodySite.has_permission", unguarded, "search/"),
    ("a new right to delete", "oncall.admin.audit.ChangeRecordAdmin.has_delete_permission", unguarded, "record/"),
)


@pytest.mark.parametrize("fault,name,planted,where", FAULTS, ids=[each[0] for each in FAULTS])
def test_the_matrix_finds_a_planted_fault(
    table: Matrix, monkeypatch: pytest.MonkeyPatch, fault: str, name: str, planted: Any, where: str
) -> None:
    cells = [cell for cell in all_cells(role_visitors()) if where in cell.route and cell.visitor.name[0] in "sTan"]
    assert table.deviations(cells) == []
    monkeypatch.setattr(name, planted)
    assert table.deviations(cells) != []
