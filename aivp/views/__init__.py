"""What people and machines read: plans, diagnostics, runs and state as text. Escaping happens here and nowhere else."""
