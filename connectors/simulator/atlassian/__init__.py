"""What Opsgenie and its successor, JSM Operations, have in common: one engine behind two interfaces."""
