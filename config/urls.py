"""The URLs: the admin for staff, and the pages for everybody with an account under the root."""

from django.contrib import admin
from django.urls import path

from oncall.admin.everybody.site import everybody

urlpatterns = [
    path("admin/", admin.site.urls),
    *everybody.reset_urls(),
    path("", everybody.urls),  # the last: it answers all other addresses
]
