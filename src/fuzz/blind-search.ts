import { HarnessError } from "../errors.js";
import type { FuzzCase } from "./case.js";
import type { CaseSettings } from "./generate/messages.js";
import { drawCaseOf } from "./generate/messages.js";
import type { Hints } from "./generate/vocabulary.js";
import { Vocabulary } from "./generate/vocabulary.js";
import type { CaseSource, Hunt, SearchedCase } from "./hunt.js";
import type { Player } from "./player.js";
import type { Shard } from "./shard.js";
import { runOf, wholeSearch } from "./shard.js";

/** Cases that their runs alone make: of one, any is made again without those before it. */
export class BlindSearch implements CaseSource {
  at = 0;
  private readonly _seed: number;
  private readonly _words: Vocabulary;
  private readonly _settings: CaseSettings;
  private readonly _shard: Shard;

  constructor(seed: number, hints: Hints, settings: CaseSettings, shard: Shard = wholeSearch) {
    this._shard = shard;
    this._seed = seed;
    this._words = new Vocabulary(hints);
    this._settings = settings;
  }

  next(most: number, timeLeftMs: number, _player: Player, hunt: Hunt): SearchedCase | undefined {
    const deadline = performance.now() + timeLeftMs;
    const end = this.at + most;
    return hunt.inBatch((onlyNext) => {
      const [last, until] = onlyNext ? [this.at + 1, Infinity] : [end, deadline];
      while (this.at < last && performance.now() < until) {
        const run = runOf(this._shard, this.at);
        const given = this._drawn(run);
        const broken = hunt.look(given);
        this.at++;
        if (broken !== undefined) return { case: given, run, lineage: String(run) };
      }
      return undefined;
    });
  }

  caseOf(lineage: string): FuzzCase {
    if (/^\d+$/.test(lineage)) return this._drawn(Number(lineage));
    throw new HarnessError("OPTION_INVALID", `Cannot replay "${lineage}": the number of a run is wanted`);
  }

  apart<T>(work: () => T): T {
    return work();
  }

  async save(): Promise<void> {}

  private _drawn(run: number): FuzzCase {
    return drawCaseOf(this._seed, run, this._words, this._settings);
  }
}
