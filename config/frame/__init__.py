"""The frame of all pages: the site of staff, numbers in the sidebar, and the page of the parts."""
