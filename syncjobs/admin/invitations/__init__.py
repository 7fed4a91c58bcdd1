"""The pages of invitations: the list, the page that accepts one, and what the pages of people show of them."""

from syncjobs.admin.invitations import invitation_list, responders

__all__ = ["invitation_list", "responders"]
