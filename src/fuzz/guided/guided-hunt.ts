import type { Coverage, CoverageCounts } from "../../vm/coverage.js";
import type { ForeignFile } from "../corpus/corpus.js";
import { readCorpus, writeEntry } from "../corpus/corpus.js";
import type { Store } from "../corpus/store.js";
import type { CaseSettings } from "../generate/messages.js";
import type { Hints } from "../generate/vocabulary.js";
import { Vocabulary } from "../generate/vocabulary.js";
import type { FuzzCase } from "../case.js";
import type { CaseSource, Hunt, SearchedCase } from "../hunt.js";
import type { Shard } from "../shard.js";
import { runOf } from "../shard.js";
import type { Player } from "../player.js";
import type { Descendant } from "./guide.js";
import { Guide } from "./guide.js";
import { learnCompared } from "./hints.js";

/** How far a guided run came. */
export interface GuidedProgress extends CoverageCounts {
  /** Cases in the corpus: of the directory, where one was given, and of this run. */
  readonly corpus: number;
}

/** Cases that reach nothing new are compared with others like them one time in so many. */
const comparedAnyway = 8;

/** Runs cases that follow coverage, and keeps those that reached something. */
export class GuidedHunt implements CaseSource {
  at = 0;
  /** Told of each case that was kept. */
  onKept: ((made: Descendant) => void) | undefined;
  readonly foreign: readonly ForeignFile[];
  private readonly _coverage: Coverage;
  private readonly _guide: Guide;
  private readonly _corpus: Store | undefined;
  private readonly _shard: Shard;
  /** Names in the corpus that are known. */
  private readonly _names: Set<string>;
  private _lookedAt = performance.now();

  private constructor(
    coverage: Coverage,
    guide: Guide,
    corpus: Store | undefined,
    shard: Shard,
    { names, foreign }: { readonly names: Set<string>; readonly foreign: readonly ForeignFile[] },
  ) {
    this._coverage = coverage;
    this._guide = guide;
    this._corpus = corpus;
    this._shard = shard;
    this._names = names;
    this.foreign = foreign;
  }

  /**
   * @param coverage Of a plugin that has started: what that reached is no news.
   * @param corpus To begin with and to add to; what others add meanwhile is played too. Default: none is read or written.
   * @throws {HarnessError} FILE_UNREADABLE
   */
  static async create(
    coverage: Coverage,
    options: {
      readonly seed: number;
      readonly hints: Hints;
      readonly settings: CaseSettings;
      readonly corpus: Store | undefined;
      readonly shard: Shard;
    },
  ): Promise<GuidedHunt> {
    const { seed, hints, settings, corpus, shard } = options;
    coverage.take();
    const words = new Vocabulary(hints);
    const compared = learnCompared(coverage.compared, words);
    const names = new Set<string>();
    const { entries, foreign } = corpus === undefined ? { entries: [], foreign: [] } : await readCorpus(corpus, names);
    const guide = new Guide(seed, { words, own: hints.words ?? [], ...compared, settings }, coverage, entries);
    return new GuidedHunt(coverage, guide, corpus, shard, { names, foreign });
  }

  get progress(): GuidedProgress {
    return { ...this._coverage.counts(), corpus: this._guide.corpusSize };
  }

  next(most: number, timeLeftMs: number, player: Player, hunt: Hunt): SearchedCase | undefined {
    const end = this.at + most;
    const broken = hunt.inBatch((onlyNext) =>
      onlyNext ? this._until(this.at + 1, Infinity, hunt) : this._until(end, timeLeftMs, hunt),
    );
    player.batch(() => this._guide.reduce((one) => player.play(one)));
    this._guide.keepLarge();
    return broken;
  }

  private _until(end: number, timeLeftMs: number, hunt: Hunt): SearchedCase | undefined {
    const deadline = performance.now() + timeLeftMs;
    const { _coverage: coverage, _guide: guide } = this;
    while (this.at < end && performance.now() < deadline) {
      const run = runOf(this._shard, this.at);
      const given = guide.next(run);
      const broken = hunt.look(given.case, () => coverage.hasNews || run % comparedAnyway === 0);
      guide.played(given, broken === undefined && !hunt.failed);
      this.at++;
      if (broken !== undefined) return { case: given.case, run, lineage: `g${given.lineage}` };
      if (guide.large !== undefined) break;
    }
    return undefined;
  }

  caseOf(lineage: string): FuzzCase {
    return this._guide.caseOf(lineage.slice(1));
  }

  apart<T>(work: () => T): T {
    this._coverage.paused = true;
    try {
      return work();
    } finally {
      this._coverage.paused = false;
    }
  }

  async save(): Promise<void> {
    for (const one of this._guide.takeUnsaved()) {
      this.onKept?.(one);
      const name = this._corpus && (await writeEntry(this._corpus, one.case));
      if (name !== undefined) this._names.add(name);
    }
    if (this._corpus === undefined || performance.now() - this._lookedAt < lookEveryMs) return;
    const { entries } = await readCorpus(this._corpus, this._names);
    this._guide.receive(entries);
    this._lookedAt = performance.now();
  }

  /** Cases that others kept, who search with the same seed. */
  receive(made: readonly Descendant[]): void {
    this._guide.receiveMade(made);
  }
}

/** Milliseconds between two looks at what others added to a corpus. */
const lookEveryMs = 2000;
