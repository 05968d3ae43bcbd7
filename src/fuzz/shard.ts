/** Which of all runs are played here: every `of`th, from the one numbered `index`. A run makes the same case wherever it is played. */
export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly of: number;
}

/** Into more parts no search is cut. */
export const mostShards = 10_000;

/** All runs. */
export const wholeSearch: Shard = { index: 0, of: 1 };

/** The run that is the nth here, counted from 0. */
export const runOf = ({ index, of }: Shard, nth: number): number => index + nth * of;

/** How many of the first runs are played here. */
export const sharedRuns = ({ index, of }: Shard, runs: number): number => Math.max(0, Math.ceil((runs - index) / of));
