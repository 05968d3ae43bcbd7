import { HarnessError } from "../errors.js";
import { findingText } from "../fuzz/finding-text.js";
import { fuzz } from "../fuzz/fuzz.js";
import { ForAll } from "./for-all.js";
import type { Case, CaseResult, Failure } from "./types.js";

const defaultRuns = 500;
/** Real time that a test may take; what is stopped by it fails. */
const mostMs = 120_000;

/** Plays generated cases to the plugin: what is expected has to hold for all requests that match. The same seed makes the same cases. */
export async function runForAll(one: Case): Promise<CaseResult> {
  const begun = performance.now();
  let failures: readonly Failure[];
  try {
    failures = await checked(one);
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    const { code, message, details } = thrown;
    failures = [{ where: one.where, code, message: `${code}: ${message}`, details }];
  }
  const outcome = failures.length === 0 ? "passed" : "failed";
  return { outcome, failures, durationMs: performance.now() - begun, logs: [] };
}

async function checked({ name, forAll, expect, proxy, where }: Case): Promise<Failure[]> {
  const [filter] = proxy.filters;
  if (filter === undefined)
    return [{ where, message: "Cannot run it without a plugin: give one, or use it with pwh fuzz --properties" }];
  const property = new ForAll(name, forAll!, expect!);
  const { seed = 1, budgetMs, envoy } = proxy;
  const { runs = defaultRuns } = forAll!;
  const { findings, ended } = await fuzz({
    ...(filter as Omit<typeof filter, "coverage">), // a file has no counters to give
    property: ["no-trap", "no-hang", "no-crash"],
    properties: [property],
    seed,
    runs,
    timeMs: mostMs,
    maxFailures: 1,
    ...(budgetMs !== undefined && { budgetMs }),
    ...(envoy !== undefined && { envoy }),
  });
  const failures = findings.map((finding): Failure => {
    const [message, ...details] = findingText(String(filter.module), finding).split("\n");
    return { where, message: message!, details: details.slice(0, -1) };
  });
  if (failures.length > 0) return failures;
  if (ended === "time")
    return [{ where, message: `${runs} runs took more than ${mostMs / 1000} s: give fewer, with runs` }];
  if (property.matched > 0) return [];
  return [{ where, message: `None of ${runs} cases had a request that matches: give more runs, or match more` }];
}
