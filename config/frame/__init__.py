"""The frame of all pages: numbers in the sidebar, and the page of the parts."""
