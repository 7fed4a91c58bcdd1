from tests.oncall.admin.base.test_aggregate import *
from tests.oncall.admin.base.test_aggregate import _with_elements


def test_q(browser, make, weekly_layers, one_level):
    people = [make("responder", name=f"P{n}") for n in range(10)]
    browser.get(reverse("admin:oncall_usergroup_add"))
    pk = _with_elements(make, "usergroup", people, "x", weekly_layers, one_level)
    with CaptureQueriesContext(connection) as q:
        browser.get(reverse("admin:oncall_usergroup_change", args=[pk]))
    for x in q:
        print(x["sql"][:230])
