import { HarnessError } from "../errors.js";
import { unforeseen } from "./case-run.js";
import { ProxyPool } from "./proxy-pool.js";
import { readScenarioFile } from "./read.js";
import { testOf } from "./run-case.js";
import { Snapshots } from "./snapshots.js";
import { profileOf } from "../proxy/envoy/profiles.js";
import type { Case, CaseResult, Finished, TestCase } from "./types.js";

/** The tests of one file, with what they share. */
export interface TestFile {
  readonly file: string;
  readonly tests: readonly TestCase[];
  /** After the last test: writes changed snapshots, gives what was held free. @returns Those that were written or removed. */
  close(): string[];
}

export interface ReadOptions {
  /** Snapshots are taken down anew. Default false. */
  readonly update?: boolean;
  /** The release of Envoy for cases that name none. Default: the newest recorded. */
  readonly envoy?: string;
  /** Reads files that are no `*.pwh.yaml`; undefined for one that it does not know. */
  readonly other?: (file: string) => Promise<TestFile> | undefined;
}

/** Reads a `*.pwh.yaml`. @throws {HarnessError} FILE_UNREADABLE, SCENARIO_INVALID */
export async function readTests(file: string, { update = false, envoy }: ReadOptions = {}): Promise<TestFile> {
  const pool = new ProxyPool();
  const snapshots = new Snapshots(file, update);
  const cases = await readScenarioFile(file);
  snapshots.keepOnly(cases);
  const tests = cases.map((one) => testOf(asEnvoy(one, envoy), { pool, snapshots }));
  return {
    file,
    tests,
    close() {
      pool[Symbol.dispose]();
      return snapshots.save() ? [snapshots.file] : [];
    },
  };
}

function asEnvoy(one: Case, envoy: string | undefined): Case {
  if (envoy === undefined || one.proxy.envoy !== undefined) return one;
  profileOf(envoy); // an unknown one is told at once
  return { ...one, proxy: { ...one.proxy, envoy } };
}

/**
 * Reads all these files, and tells what is wrong in all of them.
 *
 * @throws {HarnessError} FILE_UNREADABLE, SCENARIO_INVALID: the first problem, with the others as details.
 */
export async function readAllTests(files: readonly string[], options: ReadOptions = {}): Promise<TestFile[]> {
  const errors: HarnessError[] = [];
  const read: TestFile[] = [];
  for (const file of files) {
    try {
      read.push(await (options.other?.(file) ?? readTests(file, options)));
    } catch (thrown) {
      if (!(thrown instanceof HarnessError)) throw thrown;
      errors.push(thrown);
    }
  }
  const [first] = errors;
  if (first === undefined) return read;
  const details = errors.flatMap(({ message, details: more }) => [message].concat(more)).slice(1);
  throw new HarnessError(first.code, first.message, { cause: first, details });
}

export interface RunTestsOptions {
  /** Only tests whose name matches. */
  readonly filter?: RegExp;
  /** Only tests with one of these tags; `!tag`: without it. */
  readonly tags?: readonly string[];
  /** Ends after so many failures. Default: never. */
  readonly bail?: number;
  /** Is told of each result as it comes. */
  readonly finished?: (one: Finished, done: number, all: number) => void;
  readonly signal?: AbortSignal;
  /** Runs a test elsewhere. It is called in the order of the tests, each when the one before has its result. */
  readonly elsewhere?: (test: TestCase) => Promise<CaseResult>;
}

/** What came of a run. */
export interface TestRun {
  readonly finished: readonly Finished[];
  /** Tests that were chosen and not run, after a failure with `bail`. */
  readonly left: number;
  /** Tests that the filter or the tags left out. */
  readonly leftOut: number;
  readonly durationMs: number;
  /** Snapshot files that were written, or removed with the last snapshot in them. */
  readonly written: readonly string[];
}

/**
 * Runs tests, one after the other; files are closed in the end.
 *
 * @throws {HarnessError} SCENARIO_INVALID when filter and tags leave nothing.
 */
export async function runTests(files: readonly TestFile[], options: RunTestsOptions = {}): Promise<TestRun> {
  const start = performance.now();
  const all = files.flatMap(({ tests }) => tests);
  const chosen = chosenTests(files, options);
  const finished: Finished[] = [];
  const written: string[] = [];
  let failed = 0;
  try {
    for (const test of chosen) {
      if (options.signal?.aborted === true) break;
      const one: Finished = { test, result: await (options.elsewhere ?? resultOf)(test) };
      finished.push(one);
      options.finished?.(one, finished.length, chosen.length);
      if (one.result.outcome === "failed" && ++failed === options.bail) break;
    }
  } finally {
    for (const file of files) written.push(...file.close());
  }
  return {
    finished,
    left: chosen.length - finished.length,
    leftOut: all.length - chosen.length,
    durationMs: performance.now() - start,
    written,
  };
}

/** The tests that filter and tags leave. @throws {HarnessError} SCENARIO_INVALID when that is none. */
export function chosenTests(files: readonly TestFile[], options: RunTestsOptions): TestCase[] {
  const all = files.flatMap(({ tests }) => tests);
  const chosen = all.filter((one) => isChosen(one, options));
  if (chosen.length === 0) throw nothingChosen(all, options);
  return chosen;
}

/** Everything that tests of these files were read from and read when they run. */
export async function filesOfTests(files: readonly string[], options: ReadOptions = {}): Promise<ReadonlySet<string>> {
  const all = new Set<string>();
  for (const { tests, close } of await readAllTests(files, { ...options, update: false })) {
    for (const test of tests) for (const file of test.files) all.add(file);
    close();
  }
  return all;
}

/** Runs one test. Never rejects. */
export async function resultOf(test: TestCase): Promise<CaseResult> {
  if (test.skip !== undefined) return { outcome: "skipped", failures: [], durationMs: 0, logs: [] };
  const start = performance.now();
  try {
    return await test.run();
  } catch (thrown) {
    return { outcome: "failed", failures: [unforeseen(thrown)], durationMs: performance.now() - start, logs: [] };
  }
}

function isChosen({ name, tags }: TestCase, options: RunTestsOptions): boolean {
  if (options.filter !== undefined && !options.filter.test(name)) return false;
  const wanted = (options.tags ?? []).filter((one) => !one.startsWith("!"));
  const unwanted = (options.tags ?? []).filter((one) => one.startsWith("!")).map((one) => one.slice(1));
  return (
    (wanted.length === 0 || wanted.some((one) => tags.includes(one))) && !unwanted.some((one) => tags.includes(one))
  );
}

function nothingChosen(all: readonly TestCase[], { filter, tags = [] }: RunTestsOptions): HarnessError {
  const known = [...new Set(all.flatMap((one) => one.tags))];
  const asked = [filter && `filter ${String(filter)}`, tags.length > 0 && `tags ${tags.join(", ")}`].filter(Boolean);
  const are = known.length === 0 ? "no test has a tag" : `tags are ${known.join(", ")}`;
  return new HarnessError(
    "SCENARIO_INVALID",
    `Cannot run any of ${all.length} tests: none fits ${asked.join(" and ")}${tags.length > 0 ? `; ${are}` : ""}`,
  );
}
