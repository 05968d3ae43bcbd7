import { HarnessError } from "../errors.js";
import type { Proxy } from "../harness/proxy.js";
import { createProxy } from "../harness/proxy.js";
import type { Upstream, UpstreamOptions } from "../harness/upstreams.js";
import { CaseRun, unforeseen } from "./case-run.js";
import type { Snapshots } from "./snapshots.js";
import type { Case, CaseResult, ScenarioUpstream, TestCase } from "./types.js";

export interface RunCaseOptions {
  /** Where texts of the expectation `snapshot` are; without, they are not compared. */
  readonly snapshots?: Snapshots;
}

/** Runs a case on a proxy of its own. What the plugin does wrong is in the result. */
export async function runCase(one: Case, options: RunCaseOptions = {}): Promise<CaseResult> {
  if (one.skip !== undefined) return skipped;
  const start = performance.now();
  const run = new CaseRun(one, options.snapshots);
  let proxy: Proxy | undefined;
  try {
    proxy = await startProxy(one, run);
    await run.on(proxy);
  } catch (thrown) {
    if (proxy === undefined && thrown instanceof HarnessError) run.refused(thrown);
    else run.failures.push(unforeseen(thrown));
  }
  const logs = run.failures.length === 0 ? [] : (proxy?.logs ?? []).map(({ line }) => line);
  proxy?.close();
  const outcome = run.failures.length === 0 ? "passed" : "failed";
  return { outcome, failures: run.failures, durationMs: performance.now() - start, logs };
}

const skipped: CaseResult = { outcome: "skipped", failures: [], durationMs: 0, logs: [] };

function startProxy(one: Case, run: CaseRun): Promise<Proxy> {
  const upstreams = Object.fromEntries(one.upstreams.map((given) => [given.name, upstreamOf(given, run)]));
  return createProxy({ ...one.proxy, upstreams });
}

function upstreamOf(given: ScenarioUpstream, run: CaseRun): UpstreamOptions {
  const { replies, protocol, trailers, address, unhealthy } = given;
  const [first] = replies;
  // a refused connection is refused before there is a request that a function could answer
  const refuses = replies.length === 1 && typeof first === "object" && first.fault === "refused";
  const answer: Upstream = refuses ? first : (request) => run.answer(request);
  return {
    answer,
    ...(protocol && { protocol }),
    ...(trailers !== undefined && { enableTrailers: trailers }),
    ...(address !== undefined && { address }),
    ...(unhealthy !== undefined && { unhealthy }),
  };
}

/** A case as runners and reporters take it. */
export function testOf(one: Case, options: RunCaseOptions = {}): TestCase {
  const { name, where, tags, skip, files } = one;
  return { name, where, tags, ...(skip !== undefined && { skip }), files, run: () => runCase(one, options) };
}
