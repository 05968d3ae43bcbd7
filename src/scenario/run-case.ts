import { HarnessError } from "../errors.js";
import { pluginsOf } from "./attestation.js";
import { CaseRun, unforeseen } from "./case-run.js";
import type { Lease } from "./proxy-pool.js";
import { ProxyPool } from "./proxy-pool.js";
import type { Snapshots } from "./snapshots.js";
import type { Case, CaseResult, TestCase } from "./types.js";

export interface RunCaseOptions {
  /** Where texts of the expectation `snapshot` are; without, they are not compared. */
  readonly snapshots?: Snapshots;
  /** Proxies that cases share one after the other. Default: each case starts its own. */
  readonly pool?: ProxyPool;
}

/** Runs a case on a proxy as just started. What the plugin does wrong is in the result. */
export async function runCase(one: Case, options: RunCaseOptions = {}): Promise<CaseResult> {
  if (one.skip !== undefined) return skipped;
  if (one.play !== undefined) return (await import("./run-play.js")).runPlay(one);
  if (one.forAll !== undefined) return (await import("./run-for-all.js")).runForAll(one);
  const start = performance.now();
  const run = new CaseRun(one, options.snapshots);
  const own = options.pool === undefined ? new ProxyPool() : undefined;
  let lease: Lease | undefined;
  try {
    lease = await (options.pool ?? own!).take(one, run);
    await run.on(lease.proxy);
  } catch (thrown) {
    if (lease === undefined && thrown instanceof HarnessError) run.refused(thrown);
    else run.failures.push(unforeseen(thrown));
  }
  const passed = run.failures.length === 0;
  const logs = passed || lease === undefined ? [] : lease.proxy.logs.map(({ line }) => line);
  lease?.end(run.broken);
  own?.[Symbol.dispose]();
  const outcome = passed ? "passed" : "failed";
  return { outcome, failures: run.failures, durationMs: performance.now() - start, logs };
}

const skipped: CaseResult = { outcome: "skipped", failures: [], durationMs: 0, logs: [] };

/** A case as runners and reporters take it. */
export function testOf(one: Case, options: RunCaseOptions = {}): TestCase {
  const { name, where, tags, skip, files, proxy } = one;
  const { envoy } = proxy;
  return {
    name,
    where,
    tags,
    ...(envoy !== undefined && { envoy }),
    ...(skip !== undefined && { skip }),
    files,
    plugins: pluginsOf(one),
    run: () => runCase(one, options),
  };
}
