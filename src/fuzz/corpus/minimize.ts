import { existsSync } from "node:fs";
import type { FilterOptions } from "../../harness/proxy-options.js";
import { HarnessError } from "../../errors.js";
import type { CoverageCounts } from "../../vm/coverage.js";
import { Coverage } from "../../vm/coverage.js";
import { Player } from "../player.js";
import type { CorpusFile, ForeignFile } from "./corpus.js";
import { readCorpus } from "./corpus.js";
import { DirectoryStore } from "./store.js";

export interface Minimized {
  /** Files that stay. */
  readonly kept: readonly string[];
  readonly removed: readonly string[];
  /** Left as they are. */
  readonly foreignFiles: readonly ForeignFile[];
  /** What those that stay reach. */
  readonly coverage: CoverageCounts;
}

/**
 * Removes the files of a corpus that reach nothing which smaller ones do not reach.
 *
 * @throws {HarnessError} FILE_UNREADABLE; what is wrong with the module or the options.
 */
export async function minimizeCorpus(
  options: FilterOptions & {
    readonly corpus: string;
    /** Milliseconds that the plugin may take for one case. Default 500. */
    readonly budgetMs?: number;
    /** Ends it; what was not played yet stays. */
    readonly signal?: AbortSignal;
  },
): Promise<Minimized> {
  const { corpus, budgetMs = 500, signal, ...filter } = options;
  if (!existsSync(corpus)) {
    throw new HarnessError("FILE_UNREADABLE", `Cannot minimize the corpus ${corpus}: there is no such directory`);
  }
  const store = new DirectoryStore(corpus);
  const { entries, foreign } = await readCorpus(store);
  const coverage = new Coverage();
  const player = await Player.create({ ...filter, coverage }, { budgetMs, seed: 1 });
  coverage.take();
  const kept: string[] = [];
  const removed: CorpusFile[] = [];
  try {
    for (const one of [...entries].sort((a, b) => a.size - b.size || (a.id < b.id ? -1 : 1))) {
      if (signal?.aborted !== true) {
        player.play(one.case);
        await new Promise((resolve) => setImmediate(resolve)); // lets signals arrive
      }
      if (signal?.aborted === true || coverage.take() !== undefined) kept.push(one.file);
      else removed.push(one);
    }
  } finally {
    player.close();
  }
  for (const { name } of removed) await store.remove(name);
  return { kept, removed: removed.map(({ file }) => file), foreignFiles: foreign, coverage: coverage.counts() };
}
