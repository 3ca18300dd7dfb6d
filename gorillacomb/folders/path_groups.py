"""Group folders by the files that they hold at the same relative path.

Folders directly containing one name with one content are a group. The parents of those that have
the same name are a group too, and so are their parents, and so on: if A and B are in a group, some
relative path leads from both to equal content. How many such paths two
folders have, their *votes*, is the sum of the weights of the groups with both in it.

Folders are numbered from the highest to the deepest, at the same depth those that share most first:
in a group they are sorted like that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gorillacomb.folders.tree import FolderTree, TreeFolder
from gorillacomb.index.tree_queries import PathBatch

FEW = 8
"""The most places of a file that counts however little its folder shares with others."""
_TELLING = 3
"""In more places, a file counts for a folder that shares at least so many files: two folders need
five for a family, and half of these can be in one subfolder."""

_Groups = dict[tuple[int, ...], int]
"""Weights by the members, which are sorted."""


@dataclass(slots=True)
class PathGroups:
    """The groups, and what the search needs to know about the folders."""

    folders: list[TreeFolder]
    """By number."""
    numbers: list[int]
    """Numbers of the folders, by position in the tree's order."""
    parents: list[int]
    """By number, as all that follows; -1 for the top of a root."""
    depths: list[int]
    names: list[int]
    """Equal for equal names."""
    files: list[int]
    """Files that count in a folder and below: with content, and not made by a machine."""
    shared: list[int]
    """How many of these have the name and content of another file."""
    deepest: list[int]
    """The depth of the deepest folder in a group with a folder; -1 if it is in none."""
    members: list[Sequence[int]] = field(default_factory=list)
    """By group."""
    weights: list[int] = field(default_factory=list)
    """By group: how many relative paths lead to equal content in all members."""
    groups: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """The groups that a folder is in."""
    _children: dict[int, dict[bytes, int]] = field(default_factory=dict)

    def votes(self, a: int, b: int) -> int:
        """Return at how many relative paths two folders have equal content.

        Paths with content in more than a few places do not count for folders that share almost
        nothing.
        """
        ours, theirs, weights = self.groups.get(a, ()), self.groups.get(b, ()), self.weights
        if len(ours) > len(theirs):
            ours, theirs = theirs, ours
        if not ours:
            return 0
        return sum([weights[each] for each in set(ours).intersection(theirs)])

    def number(self, folder: TreeFolder) -> int:
        return self.numbers[folder.first]

    def children(self, number: int) -> dict[bytes, int]:
        """Return the subfolders that are not machine-made, by name."""
        found = self._children.get(number)
        if found is None:
            found = self._children[number] = {
                each.name: self.numbers[each.first]
                for each in self.folders[number].children
                if not each.machine
            }
        return found


def group_by_path(forest: FolderTree, batches: Iterable[PathBatch]) -> PathGroups:
    """Group the folders of a tree, given the contents that `path_batches` returns."""
    order = forest.order
    at_one_path = _groups_of_files(forest, batches)
    above = [-1 if each.parent is None else each.parent.first for each in order]
    depths = [0] * len(order)
    shared = [0] * len(order)
    for members, weight in at_one_path.items():
        for place in members:
            shared[place] += weight
    for place, parent in enumerate(above):
        if parent >= 0:
            depths[place] = depths[parent] + 1
    for place in range(len(order) - 1, -1, -1):
        if above[place] >= 0:
            shared[above[place]] += shared[place]
    ranked = sorted(range(len(order)), key=lambda at: (depths[at], -shared[at], at))
    numbers = [0] * len(order)
    for number, place in enumerate(ranked):
        numbers[place] = number
    names: dict[bytes, int] = {}
    found = PathGroups(
        [order[place] for place in ranked],
        numbers,
        [-1 if above[place] < 0 else numbers[above[place]] for place in ranked],
        [depths[place] for place in ranked],
        [names.setdefault(order[place].name, len(names)) for place in ranked],
        [order[place].counted for place in ranked],
        [shared[place] for place in ranked],
        [-1] * len(order),
    )
    _add_groups(
        found,
        {
            tuple(sorted([numbers[place] for place in members])): weight
            for members, weight in at_one_path.items()
        },
    )
    return found


def _groups_of_files(forest: FolderTree, batches: Iterable[PathBatch]) -> _Groups:
    """Return the groups of the folders directly around the files, by position."""
    places = {
        number: each.first
        for number, each in forest.folders.items()
        if not (each.machine or each.shelf)
    }
    found: defaultdict[tuple[int, ...], int] = defaultdict(int)
    for text, files in batches:
        members = [places[number] for number in map(int, text.split(",")) if number in places]
        if len(members) > 1:
            members.sort()
            found[tuple(members)] += files
    return found


def _add_groups(found: PathGroups, level: _Groups) -> None:
    """Add these groups, those of the parents of their members, and so on up."""
    parents, names, shared = found.parents, found.names, found.shared
    while level:
        up: defaultdict[tuple[int, ...], int] = defaultdict(int)
        for members, weight in level.items():
            able: Sequence[int] = members
            if len(members) > FEW:
                able = [each for each in members if shared[each] >= _TELLING]
            if len(able) > 1:
                depth = found.depths[able[-1]]
                for each in able:
                    found.groups[each].append(len(found.members))
                    if found.deepest[each] < depth:
                        found.deepest[each] = depth
                found.members.append(able)
                found.weights.append(weight)
            if len(members) == 2:
                a, b = members
                x, y = parents[a], parents[b]
                if names[a] == names[b] and x >= 0 and y >= 0:
                    up[(x, y) if x < y else (y, x)] += weight
                continue
            by_name: defaultdict[int, list[int]] = defaultdict(list)
            for each in members:
                if parents[each] >= 0:
                    by_name[names[each]].append(parents[each])
            for here in by_name.values():
                if len(here) > 1:
                    here.sort()
                    up[tuple(here)] += weight
        level = up
