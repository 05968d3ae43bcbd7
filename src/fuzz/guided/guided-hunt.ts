import type { Coverage, CoverageCounts } from "../../vm/coverage.js";
import type { ForeignFile } from "../corpus/corpus.js";
import { readCorpus, writeEntry } from "../corpus/corpus.js";
import type { CaseSettings } from "../generate/messages.js";
import type { Hints } from "../generate/vocabulary.js";
import { Vocabulary } from "../generate/vocabulary.js";
import type { Hunt } from "../hunt.js";
import type { Player } from "../player.js";
import type { Descendant } from "./guide.js";
import { Guide } from "./guide.js";
import { learnCompared } from "./hints.js";

/** How far a guided run came. */
export interface GuidedProgress extends CoverageCounts {
  /** Cases in the corpus: of the directory, where one was given, and of this run. */
  readonly corpus: number;
}

/** A case and the run in which it was played. */
export interface FollowedCase extends Descendant {
  readonly run: number;
}

/** The path of a finding: how the case came to be, and the choices of the shrinker. @param shrunk As fast-check tells them. */
export const pathOf = ({ lineage }: Descendant, shrunk: string): string => `g${lineage}${shrunk.replace(/^\d+/, "")}`;

/** Cases that reach nothing new are compared with others like them one time in so many. */
const comparedAnyway = 8;

/** Runs cases that follow coverage, and keeps those that reached something. */
export class GuidedHunt {
  /** The next run. */
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

  /** Plays some cases, to the first that breaks something: that one is answered. */
  next(most: number, timeLeftMs: number, player: Player, hunt: Hunt): FollowedCase | undefined {
    let broken: FollowedCase | undefined;
    let isWhole = false;
    hunt.begin();
    player.batch(() => {
      broken = this._until(this.at + most, timeLeftMs, hunt);
      isWhole = true;
    });
    if (!isWhole) {
      // a case was cut off, for it hangs or the others took all the time: it is played again with a budget of its own
      hunt.begin();
      broken = this._until(this.at + 1, Infinity, hunt);
    }
    player.batch(() => this._guide.reduce((one) => player.play(one)));
    this._guide.keepLarge();
    return broken;
  }

  private _until(end: number, timeLeftMs: number, hunt: Hunt): FollowedCase | undefined {
    const deadline = performance.now() + timeLeftMs;
    const { _coverage: coverage, _guide: guide } = this;
    while (this.at < end && performance.now() < deadline) {
      const run = this.at;
      const given = guide.next(run);
      const broken = hunt.look(given.case, () => coverage.hasNews || run % comparedAnyway === 0);
      guide.played(given, broken === undefined && !hunt.failed);
      this.at++;
      if (broken !== undefined) return { ...given, run };
      if (guide.large !== undefined) break;
    }
    return undefined;
  }

  /**
   * The case that `pathOf` wrote, without its "g", and the choices of the shrinker that led from there.
   *
   * @throws {HarnessError} OPTION_INVALID
   */
  replayed(path: string): { readonly descendant: FollowedCase; readonly choices: string } {
    const [, lineage, choices] = /^([^:]+)(.*)$/.exec(path)!;
    const run = Number(/(?:^|\.)(\d+)(?:-\d+)*$/.exec(lineage!)?.[1] ?? 0);
    return { descendant: { case: this._guide.caseOf(lineage!), lineage: lineage!, run }, choices: choices! };
  }

  /** Does what is no search: shrinking and showing. */
  apart<T>(work: () => T): T {
    this._coverage.paused = true;
    try {
      return work();
    } finally {
      this._coverage.paused = false;
    }
  }

  /** Writes what was kept since. @throws {HarnessError} FILE_UNREADABLE */
  async save(): Promise<void> {
    for (const one of this._guide.takeUnsaved()) {
      if (this._directory !== undefined) await writeEntry(this._directory, one);
    }
  }
}
