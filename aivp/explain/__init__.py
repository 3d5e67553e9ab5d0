"""(Project, program, plan) → causes: why a resource is there, where its values come from, what waits for it."""
