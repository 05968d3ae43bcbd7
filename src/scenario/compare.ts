import { resolve } from "node:path";
import { HarnessError } from "../errors.js";
import type { FilterOptions } from "../harness/proxy-options.js";
import { loadSource } from "../harness/source.js";
import { CaseRun, unforeseen } from "./case-run.js";
import { runCase } from "./run-case.js";
import { ProxyPool } from "./proxy-pool.js";
import { snapshotText } from "./snapshots.js";
import type { Case, Failure } from "./types.js";

/** What one build did in a case. */
export interface Observation {
  readonly outcome: "passed" | "failed";
  readonly failures: readonly Failure[];
  /** Requests, responses, calls, log and metrics: a fact on each line. */
  readonly text: string;
  /** Linear memory of all VMs in the end. */
  readonly memoryBytes: number;
}

export interface Comparison {
  readonly name: string;
  readonly same: boolean;
  readonly old: Observation;
  readonly new: Observation;
}

/** Two builds of a plugin, and what each did. */
export interface Compared {
  readonly sizeBytes: { readonly old: number; readonly new: number };
  readonly cases: readonly Comparison[];
}

/**
 * Runs cases on two builds. In a chain of several plugins those are exchanged whose module is one of the two.
 *
 * @throws {HarnessError} As `loadModule`; SCENARIO_INVALID for a case that has neither module.
 */
export async function compareBuilds(old: string, next: string, cases: readonly Case[]): Promise<Compared> {
  const [before, after] = [await loadSource(old), await loadSource(next)];
  using pool = new ProxyPool();
  const compared: Comparison[] = [];
  for (const one of cases) {
    if (one.skip !== undefined) continue;
    const a = await observe(withModule(one, old, [old, next]), pool);
    const b = await observe(withModule(one, next, [old, next]), pool);
    compared.push({ name: one.name, same: a.outcome === b.outcome && a.text === b.text, old: a, new: b });
  }
  return { sizeBytes: { old: before.bytes.length, new: after.bytes.length }, cases: compared };
}

function withModule(one: Case, module: string, both: readonly string[]): Case {
  const { filters } = one.proxy;
  const paths = new Set(both.map((path) => resolve(path)));
  const isOne = filters.map((filter) => filters.length === 1 || paths.has(resolve(String(filter.module))));
  if (!isOne.includes(true)) {
    const { file, line, column } = one.where;
    throw new HarnessError(
      "SCENARIO_INVALID",
      `${file}:${line}:${column}: Cannot compare builds in case "${one.name}": neither ${both.join(" nor ")} is among its plugins`,
    );
  }
  // a name, so that lines of the log do not differ by the file's
  const exchanged = (filter: FilterOptions): FilterOptions => ({ name: "plugin", ...filter, module });
  const changed = filters.map((filter, i) => (isOne[i] === true ? exchanged(filter) : filter));
  return { ...one, proxy: { ...one.proxy, filters: changed } };
}

async function observe(one: Case, pool: ProxyPool): Promise<Observation> {
  if (one.play !== undefined || one.forAll !== undefined) {
    const { outcome, failures } = await runCase(one);
    const text = failures.map(({ message }) => `${message}\n`).join("");
    return { outcome: outcome === "passed" ? "passed" : "failed", failures, text, memoryBytes: 0 };
  }
  const run = new CaseRun(one, undefined);
  try {
    const lease = await pool.take(one, run);
    try {
      await run.on(lease.proxy);
    } catch (thrown) {
      run.failures.push(unforeseen(thrown));
    }
    const vms = lease.proxy.engine.workers.flatMap((worker) => worker.vms);
    const memoryBytes = vms.reduce((sum, vm) => sum + vm.memory.size, 0);
    const text = run.exchanges.map((exchange) =>
      snapshotText({ ...run.seen(), exchange, logs: [], calls: [], metrics: [] }),
    );
    text.push(snapshotText({ ...run.seen(), exchange: undefined }));
    lease.end(run.broken);
    return observation(run, text.join(""), memoryBytes);
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    run.refused(thrown);
    return observation(run, `does not start: ${thrown.code}: ${thrown.message}\n`, 0);
  }
}

function observation(run: CaseRun, text: string, memoryBytes: number): Observation {
  const { failures, error } = run;
  const ended = error === undefined ? text : `${text}failure ${error.code}\n`;
  return { outcome: failures.length === 0 ? "passed" : "failed", failures, text: ended, memoryBytes };
}
