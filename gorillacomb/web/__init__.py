"""The server: the use cases of `api` over HTTP, for pages in a browser, scripts, other machines.

Nothing here decides anything about files: a route reads what was asked, calls `api`, and renders
what that returns. What has to be trusted about a request is decided in `security`, once, before any
route is reached.
"""
