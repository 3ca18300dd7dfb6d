"""The pages on which people look at their duplicates: families, groups, folders, single files."""

from gorillacomb.web.pages.find import compare, explain, families, groups, marks, tree, unique

PAGES = (
    *(families.router, compare.router, groups.router, explain.router),
    *(tree.router, unique.router, marks.router),
)
FORMS = (marks.writing,)
