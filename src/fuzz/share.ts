import { HarnessError } from "../errors.js";
import type { CoverageCounts, ReachedCode } from "../vm/coverage.js";
import { reachedTogether } from "../vm/coverage.js";
import { causeOf } from "./cause.js";
import type { ForeignFile } from "./corpus/corpus.js";
import type { Store } from "./corpus/store.js";
import { mostShards } from "./shard.js";

/** The part of a share in which its corpus lies. */
export const corpusPart = "corpus";
const resultsPart = "shards";
const format = "pwh fuzz shard 1";
/** A result with five findings has some hundred KiB. */
const largestResult = 64 * 1024 * 1024;

/** What one of many machines did: a file of a share. */
export interface ShardResult {
  readonly format: typeof format;
  readonly module: { readonly name: string; readonly sha256: string };
  /** Of the command line, without those that only say how long, where and by how many. */
  readonly options: string;
  readonly seed: number;
  /** From 1. */
  readonly shard: number;
  readonly of: number;
  /** `running`: the file is from before its end; if it stays so, the shard was ended from outside. */
  readonly ended: string;
  readonly runs: number;
  readonly played: number;
  readonly elapsedMs: number;
  readonly findings: readonly SharedFinding[];
  readonly coverage?: { readonly counters: number; readonly reached: string; readonly entries: string };
}

/** A finding, and how it is shown. */
export interface SharedFinding {
  readonly property: string;
  readonly cause: string;
  readonly message: string;
  readonly seed: number;
  readonly path: string;
  readonly text: string;
  readonly [more: string]: unknown;
}

export interface MergedShards {
  readonly module: { readonly name: string; readonly sha256: string };
  readonly options: string;
  readonly seed: number;
  readonly of: number;
  /** From 1: those that wrote nothing, and those that did not come to their end. */
  readonly missing: readonly number[];
  readonly unfinished: readonly number[];
  readonly runs: number;
  readonly played: number;
  /** Of all shards together. */
  readonly elapsedMs: number;
  /** One for each cause. */
  readonly findings: readonly SharedFinding[];
  readonly coverage?: CoverageCounts;
  /** What is none of a share, and was passed over. */
  readonly foreignFiles: readonly ForeignFile[];
}

/** @throws {HarnessError} FILE_UNREADABLE */
export async function writeResult(share: Store, result: Omit<ShardResult, "format">): Promise<void> {
  const text = `${JSON.stringify({ format, ...result }, null, 1)}\n`;
  await share.within(resultsPart).write(`${result.shard}-of-${result.of}.json`, text);
}

/**
 * Joins what the shards of one or of several shares did.
 *
 * @throws {HarnessError} FILE_UNREADABLE; OPTION_INVALID for shares without results, and for results of different searches.
 */
export async function mergeShares(shares: readonly Store[]): Promise<MergedShards> {
  const foreignFiles: ForeignFile[] = [];
  const results: ShardResult[] = [];
  for (const share of shares) results.push(...(await resultsIn(share, foreignFiles)));
  const names = shares.map(({ name }) => name).join(", ");
  const [first] = results;
  if (first === undefined) {
    const why =
      foreignFiles[0] === undefined ? "no shard wrote a result" : `${foreignFiles[0].file}: ${foreignFiles[0].reason}`;
    throw new HarnessError("OPTION_INVALID", `Cannot merge ${names}: ${why}`);
  }
  for (const one of results) {
    const other = firstDifference(first, one);
    if (other !== undefined) {
      throw new HarnessError(
        "OPTION_INVALID",
        `Cannot merge ${names}: shards ${first.shard} and ${one.shard} are of different searches, ${other}`,
      );
    }
  }
  const byShard = new Map<number, ShardResult>();
  for (const one of results) {
    const known = byShard.get(one.shard);
    if (known === undefined || goesFurther(one, known)) byShard.set(one.shard, one);
  }
  const kept = [...byShard.values()].sort((a, b) => a.shard - b.shard);
  const sum = (of: (one: ShardResult) => number): number => kept.reduce((all, one) => all + of(one), 0);
  const findings = new Map<string, SharedFinding>();
  for (const one of results.flatMap((result) => result.findings)) {
    const cause = causeOf(one);
    if (!findings.has(cause)) findings.set(cause, one);
  }
  const reached = kept.flatMap(({ coverage }) => (coverage === undefined ? [] : [reachedOf(coverage)]));
  return {
    module: first.module,
    options: first.options,
    seed: first.seed,
    of: first.of,
    missing: Array.from({ length: first.of }, (_, i) => i + 1).filter((shard) => !byShard.has(shard)),
    unfinished: kept.filter(({ ended }) => ended === "running").map(({ shard }) => shard),
    runs: sum(({ runs }) => runs),
    played: sum(({ played }) => played),
    elapsedMs: sum(({ elapsedMs }) => elapsedMs),
    findings: [...findings.values()],
    ...(reached.length > 0 && { coverage: reachedTogether(reached) }),
    foreignFiles,
  };
}

/**
 * Copies cases of a corpus that others lack, and results of shards that went further than those there.
 *
 * @returns How many files.
 * @throws {HarnessError} FILE_UNREADABLE; OPTION_INVALID where results of a different search are there: then nothing is copied.
 */
export async function copyShare(from: Store, to: Store): Promise<number> {
  const best = new Map((await resultsIn(to, [])).map((one) => [one.shard, one]));
  const [there] = best.values();
  const further = new Set<number>();
  for (const one of await resultsIn(from, [])) {
    const difference = there && firstDifference(there, one);
    if (difference !== undefined)
      throw new HarnessError(
        "OPTION_INVALID",
        `Cannot copy ${from.name} to ${to.name}: results of a different search are there, ${difference}`,
      );
    const known = best.get(one.shard);
    if (known !== undefined && !goesFurther(one, known)) continue;
    best.set(one.shard, one);
    further.add(one.shard);
  }
  for (const shard of further) await writeResult(to, best.get(shard)!);
  let copied = further.size;
  const [corpus, ownCorpus] = [from.within(corpusPart), to.within(corpusPart)];
  const cases = new Set(await ownCorpus.list());
  for (const name of await corpus.list()) {
    if (cases.has(name)) continue;
    const read = await corpus.read(name, largestResult);
    if (typeof read === "number") continue;
    await ownCorpus.write(name, read);
    copied++;
  }
  return copied;
}

/** @param foreign Gets what lies among results and is none. */
async function resultsIn(share: Store, foreign: ForeignFile[]): Promise<readonly ShardResult[]> {
  const store = share.within(resultsPart);
  const all: ShardResult[] = [];
  for (const name of await store.list()) {
    const read = await readResult(store, name);
    if (typeof read === "string") foreign.push({ file: store.path(name), reason: read });
    else all.push(read);
  }
  return all;
}

/** Of two results of one shard: what was written at its end is more than what was written before, or when it was begun again. */
function goesFurther(one: ShardResult, other: ShardResult): boolean {
  const [ended, otherEnded] = [one, other].map((each) => each.ended !== "running");
  return ended === otherEnded ? one.runs > other.runs : ended === true;
}

/** @returns Why it is none. */
async function readResult(store: Store, name: string): Promise<ShardResult | string> {
  const read = await store.read(name, largestResult);
  if (typeof read === "number") return `it has ${read} bytes, more than a result`;
  let value: Partial<ShardResult> | null;
  try {
    value = JSON.parse(read) as Partial<ShardResult> | null;
  } catch {
    return "it is not JSON";
  }
  if (value?.format !== format) return `it is no result of a shard: its format is not "${format}"`;
  return isWhole(value) ? value : "parts of a result are missing, or are not what a shard writes";
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): value is string => typeof value === "string";

function isWhole(value: Partial<ShardResult>): value is ShardResult {
  const { shard, of, runs, played, elapsedMs, seed, findings, coverage, module } = value;
  return (
    [shard, of, runs, played].every(isCount) &&
    [module?.name, module?.sha256, value.options, value.ended].every(isText) &&
    [seed, elapsedMs].every(Number.isFinite) &&
    shard! >= 1 &&
    shard! <= of! &&
    of! <= mostShards &&
    Array.isArray(findings) &&
    findings.every(
      (one: Partial<SharedFinding> | null) =>
        [one?.property, one?.cause, one?.message, one?.text, one?.path].every(isText) && Number.isFinite(one?.seed),
    ) &&
    (coverage === undefined || isReached(coverage))
  );
}

/** A bit for each counter. */
function isReached(coverage: Partial<NonNullable<ShardResult["coverage"]>> | null): boolean {
  if (!isCount(coverage?.counters)) return false;
  const size = Math.ceil(coverage.counters / 8);
  return [coverage.reached, coverage.entries].every(
    (text) => isText(text) && Buffer.byteLength(text, "base64") === size,
  );
}

function firstDifference(a: ShardResult, b: ShardResult): string | undefined {
  if (a.module.sha256 !== b.module.sha256) return `with the modules ${a.module.sha256} and ${b.module.sha256}`;
  if (a.seed !== b.seed) return `with the seeds ${a.seed} and ${b.seed}`;
  if (a.of !== b.of) return `of ${a.of} and of ${b.of} shards`;
  return a.options === b.options ? undefined : `with the options "${a.options}" and "${b.options}"`;
}

/** As a result has it. */
export const reachedText = ({ counters, reached, entries }: ReachedCode): NonNullable<ShardResult["coverage"]> => ({
  counters,
  reached: Buffer.from(reached).toString("base64"),
  entries: Buffer.from(entries).toString("base64"),
});

const reachedOf = ({ counters, reached, entries }: NonNullable<ShardResult["coverage"]>): ReachedCode => ({
  counters,
  reached: Buffer.from(reached, "base64"),
  entries: Buffer.from(entries, "base64"),
});
