"""Steps that every playbook shares: the runbook's "Recovery Checklist Template", by phase."""
