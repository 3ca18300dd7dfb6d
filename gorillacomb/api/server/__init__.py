"""Use cases of the server alone: jobs, sessions, pages of long lists."""
