import { Worker } from "node:worker_threads";
import { HarnessError } from "../errors.js";
import { reachedTogether } from "../vm/coverage.js";
import { causeOf } from "./cause.js";
import type { Finding, FuzzOptions, FuzzProgress, FuzzReport } from "./fuzz.js";
import type { Descendant } from "./guided/guide.js";
import { wholeSearch } from "./shard.js";

/** What a thread is started with. */
export type WorkerOptions = Omit<FuzzOptions, "onProgress" | "onFinding" | "signal" | "properties" | "workers">;

/** To a thread. */
export type ToWorker =
  | { readonly kind: "cases"; readonly made: readonly Descendant[] }
  | { readonly kind: "cause"; readonly cause: string }
  | { readonly kind: "stop" };

/** From a thread. */
export type FromWorker =
  | { readonly kind: "progress"; readonly progress: FuzzProgress }
  | { readonly kind: "kept"; readonly made: readonly Descendant[] }
  | { readonly kind: "found"; readonly finding: Finding }
  | { readonly kind: "report"; readonly report: FuzzReport }
  | {
      readonly kind: "failed";
      readonly code: string | undefined;
      readonly message: string;
      readonly details: string[];
    };

/**
 * Searches in several threads: the runs of one seed, shared among them. A finding plays again without them.
 *
 * @throws {HarnessError} As `fuzz`; OPTION_INVALID for options that no thread can be handed; WORKER_LOST when a thread ended by itself.
 */
export async function fuzzInWorkers(options: FuzzOptions, count: number): Promise<FuzzReport> {
  const { onProgress, onFinding, signal, properties = [], ...rest } = options;
  if (!Number.isInteger(count) || count < 1 || count > 256)
    throw new HarnessError("OPTION_INVALID", `Cannot use ${count} workers: it is a whole number from 1 to 256`);
  if (properties.length > 0 || rest.hostFunctions !== undefined) {
    const which = properties.length > 0 ? "properties" : "hostFunctions";
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot use ${which} with workers: functions cannot be handed to a thread`,
    );
  }
  const { shard = wholeSearch, maxFailures = 5 } = rest;
  const begun = performance.now();
  const findings = new Map<string, Finding>();
  const progress: (FuzzProgress | undefined)[] = Array.from({ length: count });
  const threads: Worker[] = [];
  const others = (own: Worker, message: ToWorker): void => {
    for (const one of threads) if (one !== own) post(one, message);
  };
  const stop = (): void => {
    for (const one of threads) post(one, { kind: "stop" });
  };
  const report = (own: Worker, index: number): Promise<FuzzReport> =>
    new Promise((resolve, reject) => {
      own.on("message", (message: FromWorker) => {
        switch (message.kind) {
          case "progress":
            progress[index] = message.progress;
            onProgress?.(together(progress, findings.size, performance.now() - begun));
            break;
          case "kept":
            others(own, { kind: "cases", made: message.made });
            break;
          case "found": {
            const cause = causeOf(message.finding);
            if (findings.has(cause)) break;
            findings.set(cause, message.finding);
            onFinding?.(message.finding);
            others(own, { kind: "cause", cause });
            if (findings.size >= maxFailures) stop();
            break;
          }
          case "report":
            resolve(message.report);
            break;
          case "failed":
            reject(errorOf(message));
        }
      });
      own.on("error", (thrown) => reject(lost(index, count, messageOf(thrown))));
      own.on("exit", (code) => reject(lost(index, count, `it ended with code ${code}`)));
    });
  signal?.addEventListener("abort", stop);
  try {
    for (let i = 0; i < count; i++) {
      const own = { index: shard.index + i * shard.of, of: shard.of * count };
      const workerData: WorkerOptions = { ...rest, shard: own };
      threads.push(new Worker(new URL("./fuzz-worker.js", import.meta.url), { workerData }));
    }
    if (signal?.aborted === true) stop(); // no event tells of it any more
    const reports = await Promise.all(threads.map(report));
    return joined(reports, [...findings.values()], {
      elapsedMs: performance.now() - begun,
      isStopped: signal?.aborted === true,
      isFull: findings.size >= maxFailures,
    });
  } finally {
    signal?.removeEventListener("abort", stop);
    await Promise.all(threads.map((one) => one.terminate()));
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
const post = (thread: Worker, message: ToWorker): void => thread.postMessage(message);

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

function lost(index: number, count: number, why: string): HarnessError {
  return new HarnessError("WORKER_LOST", `Worker ${index + 1} of ${count} is gone: ${why}`, {
    details: ["Play the same with --workers 1, or give the workers less memory to share: fewer of them"],
  });
}

function errorOf({ code, message, details }: FromWorker & { kind: "failed" }): Error {
  return code === undefined
    ? new Error(message)
    : new HarnessError(code as ConstructorParameters<typeof HarnessError>[0], message, { details });
}

function together(parts: readonly (FuzzProgress | undefined)[], findings: number, elapsedMs: number): FuzzProgress {
  const told = parts.filter((one) => one !== undefined);
  const furthest = told.flatMap(({ coverage }) => coverage ?? []).sort((a, b) => b.edges.reached - a.edges.reached)[0];
  const runs = told.reduce((sum, one) => sum + one.runs, 0);
  return { runs, findings, elapsedMs, ...(furthest && { coverage: furthest }) };
}

function joined(
  reports: readonly FuzzReport[],
  findings: readonly Finding[],
  how: { readonly elapsedMs: number; readonly isStopped: boolean; readonly isFull: boolean },
): FuzzReport {
  const [first] = reports;
  const sum = (of: (one: FuzzReport) => number): number => reports.reduce((all, one) => all + of(one), 0);
  const reached = reports.flatMap((one) => one.reached ?? []);
  const corpus = Math.max(...reports.map(({ coverage }) => coverage?.corpus ?? 0));
  const unmatched = (first!.unmatched ?? []).filter((name) => reports.every((one) => one.unmatched?.includes(name)));
  const ended = new Set(reports.map((one) => one.ended));
  const reason = how.isStopped ? "stopped" : how.isFull ? "failures" : ended.has("time") ? "time" : first!.ended;
  return {
    seed: first!.seed,
    runs: sum(({ runs }) => runs),
    findings: [...findings].sort((a, b) => a.foundAfterMs - b.foundAfterMs),
    properties: first!.properties,
    elapsedMs: how.elapsedMs,
    ...(unmatched.length > 0 && { unmatched }),
    spent: {
      played: sum(({ spent }) => spent.played),
      playMs: sum(({ spent }) => spent.playMs),
      restoreMs: sum(({ spent }) => spent.restoreMs),
      otherMs: sum(({ spent }) => spent.otherMs),
    },
    ...(reached.length > 0 && {
      coverage: { ...reachedTogether(reached), corpus },
      reached: { ...reached[0]!, reached: union(reached.map((one) => one.reached)) },
      foreignFiles: first!.foreignFiles ?? [],
    }),
    ended: reason,
  };
}

/** Bits that are set in any of them. */
export function union(parts: readonly Uint8Array[]): Uint8Array {
  const all = parts[0]!.slice();
  for (const part of parts) for (let i = 0; i < all.length; i++) all[i]! |= part[i]!;
  return all;
}
