"""The URLs: the admin for staff, and the pages for everybody with an account under the root."""

from django.conf import settings
from django.contrib import admin
from django.urls import path

from config.frame.badges import badges_page
from config.frame.parts import parts_page
from oncall.admin.everybody.site import everybody
from oncall.admin.logins import confirm_page, logins_page
from syncjobs.admin.invitations import accepting

urlpatterns = [
    path("account/logins/", logins_page, name="account_logins"),
    path("account/confirm/", confirm_page, name="account_confirm"),
    path("admin/badges/", admin.site.admin_view(badges_page), name="badges"),
    path("admin/", admin.site.urls),
    *everybody.reset_urls(),
    *accepting.urls,
    path("", everybody.urls),  # the last: it answers all other addresses
]
if settings.DEBUG:  # for developers; before the admin, which answers all addresses below its own
    urlpatterns.insert(0, path("admin/parts/", admin.site.admin_view(parts_page), name="parts"))

handler400 = "config.pages.bad_request"
handler403 = "config.pages.forbidden"
handler404 = "config.pages.not_found"
handler500 = "config.pages.server_error"
