"""The URLs. All pages are pages of the admin; the root redirects to it."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from oncall.admin.logins import confirm_page, logins_page

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("account/logins/", logins_page, name="account_logins"),
    path("account/confirm/", confirm_page, name="account_confirm"),
    path("admin/", admin.site.urls),
]

handler400 = "config.pages.bad_request"
handler403 = "config.pages.forbidden"
handler404 = "config.pages.not_found"
handler500 = "config.pages.server_error"
