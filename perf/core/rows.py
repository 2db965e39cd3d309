"""Row: one figure with every round's values, for the measured server and for what it is compared with."""
import dataclasses
import statistics

from programs import Failed


@dataclasses.dataclass
class Row:
    """`against` names what the bound multiplies; None: the bound is absolute. None as bound: only shown."""
    figure: str
    unit: str
    subject: str
    against: str | None
    bound: float | None
    values: dict = dataclasses.field(default_factory=dict)   # {subject: [one per round]}
    ratios: list = dataclasses.field(default_factory=list)   # one per round
    shares: dict = dataclasses.field(default_factory=dict)   # {subject: [{server, client, others} of a core]}
    notes: dict = dataclasses.field(default_factory=dict)    # {what: [one per round], or {cache: bytes}}
    failure: str | None = None

    def add(self, name, value, window=None):
        self.values.setdefault(name, []).append(value)
        if window is not None:
            shares = {key: window.get(f"{key}_share") for key in ("server", "client", "others")}
            self.shares.setdefault(name, []).append(shares)

    def note(self, what, value):
        self.notes.setdefault(what, []).append(value)

    def judged(self):
        """What the bound is held against, one per round, or None."""
        if self.failure or not self.values.get(self.subject):
            return None
        return self.ratios if self.against else self.values[self.subject]

    def verdict(self):
        judged = self.judged()
        if not judged:
            return "not measured"
        if self.bound is None:
            return "no bound"
        return "reached" if statistics.median(judged) <= self.bound else "MISSED"


class kept:
    """A failure inside becomes the failure of the rows: the other figures are still measured."""

    def __init__(self, *rows):
        self._rows = rows

    def __enter__(self):
        return self

    def __exit__(self, _, error, __):
        if not isinstance(error, Failed):
            return False
        for row in self._rows:
            row.failure = row.failure or str(error)
        return True
