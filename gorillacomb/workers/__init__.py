"""Run tasks in worker processes, or in this one."""
