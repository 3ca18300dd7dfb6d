"""The pages: plain links and forms that work without scripts, rendered from the same use cases.

The page at PATH shows what ``/api/v1/PATH`` answers, which `twins` gives as ``PATH.json``.
"""
