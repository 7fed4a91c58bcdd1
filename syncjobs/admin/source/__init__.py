"""The pages that set up a source, and those of a source that is set up."""
