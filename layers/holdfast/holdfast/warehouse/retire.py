"""Safe deletion: copies of what is gone are tagged, in two steps with a grace between them, and never deleted by us."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.breaker.run import Breaker
from holdfast.warehouse import candidates, database, naming, plan, queries
from holdfast.warehouse.candidates import Candidate
from holdfast.warehouse.database import RETIREMENTS
from holdfast.warehouse.datasets import fetch
from holdfast.warehouse.model import Copy, Gone, Item, Retention, Retirement, Source, State, Stored
from holdfast.warehouse.plan import Facts, Step
from holdfast.warehouse.ports import NotStored
from holdfast.warehouse.run import Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SYSTEM = "warehouse"

UNRETIRE = "unretire-"
"""What the names of files begin with that tell what people took back."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`keep_runs`: the restorable versions that so many newest runs recorded are retained."""

    retention: Retention
    keep_runs: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far retiring a source came in a run, and what was done. `after`: key and run of the last copy looked at.

    `at`: when the breaker was asked. Ages and graces are as of then, or what became ripe meanwhile would go unasked.
    `asked`: what would go, of which somebody has approved `approved`. `spared`: of it, what was not tagged after all.
    """

    after: tuple[str, str] = ("", "")
    at: str = ""
    asked: int = 0
    approved: int = 0
    spared: int = 0
    marked: int = 0
    expiring: int = 0
    kept: int = 0
    databases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The same by database."""
    held: str | None = None
    done: bool = False

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Progress":
        return cls(**(dict(document) | {"after": tuple(document["after"])}))

    @property
    def told(self) -> dict[str, Any]:
        """The answer of the step."""
        return {name: getattr(self, name) for name in ("marked", "expiring", "kept", "held", "done")}

    def add(self, source: Source, mark: Sequence[Gone], expire: Sequence[Gone], back: Sequence[Gone]) -> "Progress":
        counts = {name: Counter(told) for name, told in self.databases.items()}
        for step, some in (("marked", mark), ("expiring", expire), ("kept", back)):
            for gone in some:
                counts.setdefault(source.database_of(gone.copy.key) or "", Counter())[step] += 1
        return replace(
            self,
            marked=self.marked + len(mark),
            expiring=self.expiring + len(expire),
            kept=self.kept + len(back),
            databases={name: dict(told) for name, told in counts.items()},
        )


def retire(
    warehouse: Warehouse, item: Item, rules: Rules, breaker: Breaker, *, time_left: Callable[[], bool]
) -> dict[str, Any]:
    """Decide on all copies whose originals are gone, and tag them accordingly, as far as time permits."""
    key = f"{warehouse.folder(item)}retire.json"
    found = warehouse.load(key)
    progress = Progress.of(found) if found else Progress()
    if not progress.done:
        with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
            taken_back = TakenBack(warehouse, item.source)
            candidates.load(connection, warehouse, item, rules.keep_runs, scratch)
            retiring = _Retiring(connection, warehouse, item, rules, breaker, taken_back)
            for step in retiring.go_on(progress):
                progress = step
                warehouse.save(key, asdict(progress))
                if not time_left():
                    break
        if progress.done and not progress.held:
            # Once: cut off before, it counts too much, never too little.
            breaker.give_back(SYSTEM, min(progress.spared, progress.asked - progress.approved))
    return progress.told


class TakenBack:
    """What people take back while a step retires. It does not hang on anybody's clock."""

    def __init__(self, warehouse: Warehouse, source: Source) -> None:
        self._warehouse = warehouse
        self._source = source
        self._folder = warehouse.names.retirements(source.bucket)
        self._seen = set(self._files())
        self._copies: set[tuple[str, str, str]] = set()

    def _files(self) -> Iterator[str]:
        for found in self._warehouse.backup.listing(self._folder):
            name = found.key.removeprefix(self._folder)
            if naming.concerns(name, self._source) and name.rpartition("/")[2].startswith(UNRETIRE):
                yield found.key

    def has(self, some: Sequence[Gone]) -> set[Gone]:
        """Those of some copies that were taken back since this was made."""
        news = [key for key in self._files() if key not in self._seen]
        if news:
            with self._warehouse.scratch.open() as scratch, database.connect(self._warehouse.scratch, scratch) as read:
                paths = [fetch(self._warehouse, key, scratch / f"{at}.parquet") for at, key in enumerate(news)]
                database.view(read, "news", paths, RETIREMENTS)
                self._copies |= set(read.execute("SELECT run, key, etag FROM news WHERE state = 'kept'").fetchall())
            self._seen |= set(news)
        return {one for one in some if (one.copy.run, one.copy.key, one.copy.etag) in self._copies}


@dataclass(frozen=True, slots=True)
class _Retiring:
    connection: "DuckDBPyConnection"
    warehouse: Warehouse
    item: Item
    rules: Rules
    breaker: Breaker
    taken_back: TakenBack

    def go_on(self, progress: Progress) -> Iterator[Progress]:
        """The first thing is to ask the breaker for all at once: what it holds back is held back as a whole."""
        if not progress.at:
            at = self.warehouse.now()
            asked = sum(
                self._would_go(one, at) for chunk in candidates.chunks(self.connection, ("", "")) for one in chunk
            )
            approved = min(asked, self._approved())
            held = self._hold(asked - approved) if asked > approved else None
            progress = Progress(at=at.isoformat(), asked=asked, approved=approved, held=held, done=held is not None)
            yield progress
        if not progress.done:
            for chunk in candidates.chunks(self.connection, progress.after):
                progress = self._settle(chunk, progress)
                yield progress
            yield replace(progress, done=True)

    def _hold(self, planned: int) -> str | None:
        """Other sources may retire at this moment: they guard what is theirs."""
        return self.breaker.hold(SYSTEM, planned=planned, guarded=self._guarded(), apart=True)

    def _approved(self) -> int:
        """How many copies somebody has seen that should go: what the last run of this source was held back with, if the
        breaker has been closed since. Else a share that is too much would be so for ever."""
        warehouse, source = self.warehouse, self.item.source
        if self.breaker.why_open(SYSTEM):
            return 0
        for folder in sorted(warehouse.backup.prefixes(warehouse.names.runs), reverse=True):
            run = folder.removeprefix(warehouse.names.runs).rstrip("/")
            told = (
                warehouse.load(f"{warehouse.names.of_source(run, source)}retire.json") if run < self.item.run else None
            )
            if told is not None:
                return int(told["asked"]) if told["held"] else 0
        return 0

    def _would_go(self, candidate: Candidate, at: datetime) -> bool:
        """Whether a copy is tagged if all is as it seems. What was handed to the lifecycle before is not asked for."""
        gone = candidate.gone
        if gone.state is State.EXPIRING:
            return False
        facts = Facts(candidate.needed, candidate.listed, None, Stored(gone.copy.size, gone.copy.copy_etag))
        return plan.decide(gone, facts, self.rules.retention, at).step in {Step.MARK, Step.EXPIRE}

    def _guarded(self) -> int:
        """What the ledger counts on. What was handed to the lifecycle is not guarded."""
        row = self.connection.execute(
            "SELECT count(*) FROM ledger ANTI JOIN (FROM latest WHERE state = 'expiring') USING (run, key, etag)"
            f" WHERE kind = 'data' AND {queries.is_of(self.item.source)}"
        ).fetchone()
        return row[0] if row else 0

    def _settle(self, chunk: Sequence[Candidate], progress: Progress) -> Progress:
        """Decide on some copies by what is there now, and do it. What is handed to the lifecycle rule counts as backed
        up no more before it is tagged, so that no file is ever thought to be safe that may vanish."""
        at, now = datetime.fromisoformat(progress.at), self.warehouse.now()
        asked = sum(self._would_go(one, at) for one in chunk)
        decided = [(one.gone, decision) for one, decision in zip(chunk, self._decide(chunk, at), strict=True)]
        by_step = {step: [gone for gone, decision in decided if decision.step is step] for step in Step}
        mark, expire, back = by_step[Step.MARK], by_step[Step.EXPIRE], by_step[Step.TAKE_BACK]
        spared = self.taken_back.has(expire) if expire else set()
        expire = [gone for gone in expire if gone not in spared]
        newly = [gone for gone in expire if gone.state is not State.EXPIRING]
        for gone, decision in decided:
            if decision.step is not Step.LEAVE and gone not in spared:
                self.warehouse.log(decision.step, key=gone.copy.key, run=gone.copy.run, reason=decision.reason)
        last = chunk[-1].gone.copy
        self._record(newly, State.EXPIRING, now, last)
        self._tag(expire, {naming.STATE_TAG: naming.EXPIRE}, now)
        self._tag(mark, {naming.STATE_TAG: naming.RETIRED}, now)
        self._tag(back, {}, now)
        self._record(mark, State.MARKED, now, last)
        self._record(back, State.KEPT, now, last)
        progress = progress.add(self.item.source, mark, newly, back)
        left = max(0, asked - len(mark) - len(newly))
        return replace(progress, spared=progress.spared + left, after=(last.key, last.run))

    def _decide(self, chunk: Sequence[Candidate], at: datetime) -> Iterator[plan.Decision]:
        source = self.warehouse.bucket_of(self.item.source.bucket)

        def look(one: Candidate) -> Facts:
            original = source.head(one.gone.copy.key)
            return Facts(one.needed, one.listed, original, self.warehouse.backup.head(self._copy_key(one.gone)))

        for one, facts in zip(chunk, self.warehouse.each(look, chunk), strict=True):
            yield plan.decide(one.gone, facts, self.rules.retention, at)

    def _copy_key(self, gone: Gone) -> str:
        return self.warehouse.names.copies(gone.copy.run, self.item.source.bucket) + gone.copy.key

    def _tag(self, some: Sequence[Gone], tags: dict[str, str], now: datetime) -> None:
        since = {naming.SINCE_TAG: f"{now:%Y-%m-%dT%H:%M:%SZ}"} if tags else {}
        keys = map(self._copy_key, some)
        list(self.warehouse.each(lambda key: tag(self.warehouse, key, tags | since), keys))

    def _record(self, some: Sequence[Gone], state: State, now: datetime, last: Copy) -> None:
        """A file for each chunk, decision and moment: added, never written over."""
        if some:
            rows = [Retirement(gone.copy.run, gone.copy.key, gone.copy.etag, state, now) for gone in some]
            name = f"{self.item.run}-{now:%Y%m%dT%H%M%S%f}-{state}-{naming.digest(last.key + last.run)}"
            record(self.warehouse, self.item.source, rows, name)


def tag(warehouse: Warehouse, key: str, tags: Mapping[str, str]) -> None:
    """Tag a copy. One that somebody removed meanwhile needs no tags."""
    try:
        warehouse.backup.tag(key, tags)
    except NotStored:
        warehouse.log("copy is not there", key=key)


def record(warehouse: Warehouse, source: Source, rows: Sequence[Retirement], name: str) -> None:
    """Add decisions to the retirements of a source."""
    told = [(one.run, one.key, one.etag, str(one.state), one.at.replace(tzinfo=None)) for one in rows]
    with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
        path = scratch / "retired.parquet"
        database.write_rows(connection, RETIREMENTS, told, path)
        folder = warehouse.names.retirements(source.bucket) + naming.partition(source)
        warehouse.backup.write_file(f"{folder}{name}.parquet", path)
