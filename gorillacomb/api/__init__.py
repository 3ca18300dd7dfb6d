"""The use cases, one module each, shared by the command line, the web pages and Python programs.

`api.facade` opens a vault and has every use case as a method, which says what it takes, returns and
raises; the other modules have them as functions of a vault. They return frozen values with a
``to_dict()``: the same document as ``--json``, whose keys `api.documents` defines. They print
nothing and ask nothing: a face of the program (`cli`, `web`) knows this room, `model`, `errors` and
`progress`, and nothing else of it.

Paths come in as `str`, `bytes` or `os.PathLike` and are returned as `bytes`, as the file system has
them; `os.fsdecode` turns them into text. Times are ns since the epoch, sizes are bytes.
"""
