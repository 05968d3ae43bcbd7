import type { Coverage, CoverageCounts } from "../../vm/coverage.js";
import type { ForeignFile } from "../corpus/corpus.js";
import { readCorpus, writeEntry } from "../corpus/corpus.js";
import type { CaseSettings } from "../generate/messages.js";
import type { Hints } from "../generate/vocabulary.js";
import { Vocabulary } from "../generate/vocabulary.js";
import type { FuzzCase } from "../case.js";
import type { CaseSource, Hunt, SearchedCase } from "../hunt.js";
import type { Player } from "../player.js";
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
  readonly foreign: readonly ForeignFile[];
  private readonly _coverage: Coverage;
  private readonly _guide: Guide;
  private readonly _directory: string | undefined;

  private constructor(
    coverage: Coverage,
    guide: Guide,
    directory: string | undefined,
    foreign: readonly ForeignFile[],
  ) {
    this._coverage = coverage;
    this._guide = guide;
    this._directory = directory;
    this.foreign = foreign;
  }

  /**
   * @param coverage Of a plugin that has started: what that reached is no news.
   * @param directory Of a corpus to begin with and to add to. Default: none is read or written.
   * @throws {HarnessError} FILE_UNREADABLE
   */
  static async create(
    coverage: Coverage,
    options: {
      readonly seed: number;
      readonly hints: Hints;
      readonly settings: CaseSettings;
      readonly directory: string | undefined;
    },
  ): Promise<GuidedHunt> {
    const { seed, hints, settings, directory } = options;
    coverage.take();
    const words = new Vocabulary(hints);
    const compared = learnCompared(coverage.compared, words);
    const { entries, foreign } = directory === undefined ? { entries: [], foreign: [] } : await readCorpus(directory);
    const guide = new Guide(seed, { words, own: hints.words ?? [], ...compared, settings }, coverage, entries);
    return new GuidedHunt(coverage, guide, directory, foreign);
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
      const run = this.at;
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
      if (this._directory !== undefined) await writeEntry(this._directory, one);
    }
  }
}
