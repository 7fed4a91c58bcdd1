"""The data and the rendering that Opsgenie and its successor, JSM Operations, share. Their APIs differ."""
