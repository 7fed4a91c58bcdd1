"""A holder whom the source names in an unknown way is imported as somebody unknown."""

from dataclasses import replace

from oncall.models import Responder, Schedule
from oncall.rendering.spec import ExtraShift, Override, Participant, person
from syncjobs.models import Conflict
from syncjobs.pages.run.items import change_rows
from tests.syncjobs.conftest import NOW, Sync, layer, schedule


def test_an_unknown_holder_keeps_the_turn_and_is_never_matched_with_anybody(sync: Sync) -> None:
    unknown = Participant("unknown", "group:U2")
    turns = replace(layer("U1"), participants=(unknown, person("U1")))
    over = Override("O1", NOW, NOW + 3600, unknown)
    shift = ExtraShift("X1", NOW, NOW + 3600, unknown)
    sync.source.change(schedules=(schedule("S1", "Primary", turns, overrides=(over,), extra_shifts=(shift,)),))
    run = sync.run()
    assert run.items.get(external_id="S1").outcome == "applied"
    key = f"unknown:{sync.connection.pk}:group:U2"
    (row,) = Schedule.objects.all()
    assert row.layers["layers"][0]["participants"] == [key, f"person:{sync.connection.pk}:U1"]
    for element in (row.overrides.get(), row.extra_shifts.get()):
        assert (element.by_key, element.by) == (key, None)
    assert set(row.references.values_list("key", flat=True)) == {f"{sync.connection.pk}:U1"}
    asked_about = Conflict.objects.filter(kind="user_not_found").values_list("label", flat=True)
    assert set(asked_about) == set(Responder.objects.values_list("name", flat=True)) == {"Ana", "Bo", "Cy"}
    assert sync.run().items.count() == 0
    assert "somebody unknown (group U2)" in str(change_rows(run.items.get(external_id="S1"), with_addresses=True))
