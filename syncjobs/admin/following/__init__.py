"""What does not follow its source: the page of a connection, and the marks and filters in the lists of rows."""
