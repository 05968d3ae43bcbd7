import type { PluginOptions } from "../harness/plugin.js";
import type { BenchReport } from "../bench/report.js";
import type { Estimate } from "../bench/statistics.js";
import type { AddedCpu } from "../verify/added-cpu.js";
import type { ModuleExchange } from "../verify/verify.js";
import { UsageError } from "./errors.js";

/** What a module costs a real Envoy's worker, and the same exchange in this host. Microseconds for each request. */
interface VerifiedCost {
  readonly module: string;
  readonly envoy: string;
  readonly clock: AddedCpu["clock"];
  readonly with: Estimate;
  readonly without: Estimate;
  readonly added: Estimate;
  /** Requests that each Envoy counted, and their answers. */
  readonly requests: { readonly with: number; readonly without: number };
  readonly statuses: { readonly with: AddedCpu["with"]["statuses"]; readonly without: AddedCpu["with"]["statuses"] };
  /** In a hot loop of this machine's Node: no latency in Envoy. */
  readonly here: Estimate;
}

/** `pwh verify --bench`: prints it. @returns The exit code. */
export async function verifyBench(
  modules: readonly { readonly exchange: ModuleExchange; readonly plugin: PluginOptions }[],
  options: { readonly envoy?: string; readonly json: boolean },
): Promise<number> {
  const [{ addedCpu }, { bench, exchangeOf }, { medianOf }] = await Promise.all([
    import("../verify/added-cpu.js"),
    import("../bench/index.js"),
    import("../bench/statistics.js"),
  ]);
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new UsageError("Stopped before the measurement was complete"));
  process.once("SIGINT", interrupt);
  const results: VerifiedCost[] = [];
  try {
    for (const { exchange, plugin } of modules) {
      if (
        exchange.http2 === true ||
        (exchange.trailers ?? []).length + (exchange.response?.trailers ?? []).length > 0
      ) {
        throw new UsageError("Cannot use --bench with --http2 or trailers: it sends HTTP/1 without them");
      }
      const found = await addedCpu(exchange, {
        ...(options.envoy !== undefined && { envoy: options.envoy }),
        signal: stop.signal,
      });
      const { headers = [], body, trailers: _, response, method, path, authority } = exchange;
      const { headers: answered = [], trailers: __, ...reply } = response ?? {};
      const request = {
        headers,
        ...(body !== undefined && { body }),
        ...(method !== undefined && { method }),
        ...(path !== undefined && { path }),
        ...(authority !== undefined && { authority }),
      };
      const sent = exchangeOf(request, { body: "hello", ...reply, headers: answered });
      const { report }: { report: BenchReport } = await bench(exchange.module, {
        ...plugin,
        envoy: found.envoy,
        rounds: 20,
        exchanges: [sent],
        memoryExchanges: 128,
        signal: stop.signal,
      });
      results.push({
        module: exchange.title ?? (typeof exchange.module === "string" ? exchange.module : "module"),
        envoy: found.envoy,
        clock: found.clock,
        with: medianOf(found.with.cpuUs),
        without: medianOf(found.without.cpuUs),
        added: medianOf(found.addedUs),
        requests: { with: found.with.requests, without: found.without.requests },
        statuses: { with: found.with.statuses, without: found.without.statuses },
        here: report.exchange.median,
      });
      if (!options.json) process.stdout.write(`${costText(results.at(-1)!)}\n`);
    }
  } finally {
    process.removeListener("SIGINT", interrupt);
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ schema: 1, results }, undefined, 2)}\n`);
  return 0;
}

function costText({ module, envoy, clock, requests, statuses, ...times }: VerifiedCost): string {
  const us = ({ value, low, high }: Estimate): string =>
    `${value.toFixed(2)} µs (${low.toFixed(2)} … ${high.toFixed(2)})`;
  const answers = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of)
      .map(([status, count]) => `${count} times ${status}`)
      .join(", ");
  return [
    `${module}: CPU of the worker of Envoy ${envoy} for each request (from ${clock}, over Envoy's own counter)`,
    `  with the filter  ${us(times.with)}; ${requests.with} requests, ${answers(statuses.with)}`,
    `  without          ${us(times.without)}; ${requests.without} requests, ${answers(statuses.without)}`,
    `  added            ${us(times.added)}${times.added.low <= 0 ? "; not told from nothing: a quieter machine would help" : ""}`,
    `  here             ${us(times.here)} for the same exchange in pwh: a hot loop in Node, no latency in Envoy`,
  ].join("\n");
}
