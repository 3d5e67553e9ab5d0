"""From a project's folder to one environment's declarations: files, YAML, CUE, variables, environments, overrides."""
