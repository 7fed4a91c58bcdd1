"""Objects that a read did not list: missing, gone, created again, and how much of it waits for approval. Pure."""
