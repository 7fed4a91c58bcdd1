"""What Opsgenie and JSM Operations, its successor, have in common: one engine of rotations, escalations and routing
behind two APIs. Only what means the same is here; how each of them is asked and spells it stays with it."""
