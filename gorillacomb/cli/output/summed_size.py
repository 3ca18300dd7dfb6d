"""Format sizes so that the figures of the parts add up to that of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gorillacomb.cli.output.render import format_size


@dataclass(frozen=True, slots=True)
class SummedSize:
    """A size as it is shown: a rounded figure and a unit."""

    figure: int
    """Without the decimal point."""
    decimals: int
    unit: str
    is_more: bool
    """Whether there are bytes although the figure is 0."""

    @classmethod
    def of(cls, size: int) -> SummedSize:
        """Return a size in the unit that suits it."""
        figure, _, unit = format_size(size).partition(" ")
        whole, _, rest = figure.partition(".")
        return cls(int(whole + rest), len(rest), unit, False)

    @property
    def text(self) -> str:
        """The figure with its unit; ``<0.1 MB`` for what is too small for the unit."""
        least = self.is_more and not self.figure
        figure = (self.figure + least) / 10**self.decimals
        return f"{'<' if least else ''}{figure:.{self.decimals}f} {self.unit}"

    def parts(self, sizes: Sequence[int]) -> list[SummedSize]:
        """Return the sizes of all parts of this one, in its unit.

        Each is rounded up or down so that the figures add up.
        """
        total = max(sum(sizes), 1)
        exact = [divmod(self.figure * size, total) for size in sizes]
        figures = [each for each, _ in exact]
        up = sorted(range(len(sizes)), key=lambda at: -exact[at][1])
        for at in up[: self.figure - sum(figures)]:
            figures[at] += 1
        return [
            SummedSize(figure, self.decimals, self.unit, size > 0)
            for figure, size in zip(figures, sizes, strict=True)
        ]
