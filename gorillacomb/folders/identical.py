"""Find identical folders, names included: the largest ones, not all pairs of subfolders."""

from __future__ import annotations

from collections import defaultdict

from gorillacomb.folders.tree import FolderTree, TreeFolder


def identical_folders(forest: FolderTree) -> list[list[TreeFolder]]:
    """Return groups of identical folders, most files first; each group in the tree's order.

    Only complete folders with a file or a link count. A group is omitted if the parents of its
    members are all identical to each other: their group already implies it.
    """
    groups: defaultdict[bytes, list[TreeFolder]] = defaultdict(list)
    for folder in forest.order:
        if folder.gap is None and (folder.files or folder.links):
            groups[folder.digest].append(folder)
    found = [group for group in groups.values() if len(group) > 1 and not _is_said(group)]
    return sorted(found, key=lambda group: (-group[0].files, -group[0].size, group[0].first))


def _is_said(group: list[TreeFolder]) -> bool:
    around = {id(each.parent): each.parent for each in group}
    above = [each for each in around.values() if each is not None]
    if len(above) < 2 or len(above) < len(around):
        return False
    return all(each.gap is None and each.digest == above[0].digest for each in above)
