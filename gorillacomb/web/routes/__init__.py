"""The routes of ``/api/v1``: each reads what was asked, calls `api`, and renders the answer."""
