"""The workflows of examples/ci, the pre-commit hooks and the worked examples of the moving guides, run for real."""
