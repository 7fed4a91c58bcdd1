"""What the pages of a source show: its setup, and the source itself."""
