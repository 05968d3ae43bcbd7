import { mkdtemp, rm } from "node:fs/promises";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStats } from "./envoy/admin.js";
import { bootstrapOf } from "./envoy/bootstrap.js";
import { refusedPort } from "./envoy/bootstrap-clusters.js";
import { EnvoyProcess } from "./envoy/envoy-process.js";
import { envoyError } from "./envoy/errors.js";
import type { EnvoyBinary } from "./envoy/find.js";
import { findEnvoy } from "./envoy/find.js";
import type { JsonObject, Scenario } from "./envoy/scenario.js";
import type { WorkerClock } from "./envoy/worker-cpu.js";
import { workerClock } from "./envoy/worker-cpu.js";
import type { ModuleExchange } from "./verify.js";
import { scenarioOf } from "./verify.js";

export interface AddedCpuOptions {
  /** As `verify` takes it. */
  readonly envoy?: string | EnvoyBinary;
  /** Default 20. */
  readonly rounds?: number;
  /** Requests to each Envoy in a round. Default 500. */
  readonly requests?: number;
  /** Connections, each with one request at a time. Default 8. */
  readonly connections?: number;
  /** Ends after the round that runs. */
  readonly signal?: AbortSignal;
}

/** One of the two Envoys. */
export interface WorkerCost {
  /** Microseconds of the worker's CPU for each request, by round. */
  readonly cpuUs: readonly number[];
  /** Requests that Envoy itself counted in these rounds. */
  readonly requests: number;
  /** How many answers had each status. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** What a filter costs the worker of a real Envoy: CPU, and no latency. */
export interface AddedCpu {
  /** Release of the Envoy. */
  readonly envoy: string;
  /** Where the worker's CPU was read. */
  readonly clock: WorkerClock["source"];
  readonly with: WorkerCost;
  readonly without: WorkerCost;
  /** With less without, by round, in microseconds. */
  readonly addedUs: readonly number[];
}

interface Side {
  readonly envoy: EnvoyProcess;
  readonly port: number;
  readonly clock: WorkerClock;
  readonly agent: Agent;
  readonly cpuUs: number[];
  readonly statuses: Record<string, number>;
  requests: number;
}

/**
 * Two Envoys of one worker each, one with the filter and one without, get the same requests in turns; the CPU of each worker's
 * thread is divided by the requests that its Envoy counted. HTTP/1, without trailers, without access log.
 *
 * @throws {HarnessError} ENVOY_MISSING, ENVOY_UNUSABLE; ENVOY_STUCK when an Envoy does not start with the module, or ends.
 */
export async function addedCpu(exchange: ModuleExchange, options: AddedCpuOptions = {}): Promise<AddedCpu> {
  const { rounds = 20, requests = 500, connections = 8, signal } = options;
  const binary = typeof options.envoy === "object" ? options.envoy : await findEnvoy(options.envoy);
  const { log_levels: _, ...scenario } = scenarioOf(exchange);
  const folder = await mkdtemp(join(tmpdir(), "pwh-envoy-"));
  const { status = 200, headers = [], body = Buffer.from("hello") } = exchange.response ?? {};
  const origin = createServer((incoming, answer) => {
    incoming.resume();
    const length = headers.some(([name]) => name.toLowerCase() === "content-length");
    answer.writeHead(status, [...headers.flat(), ...(length ? [] : ["content-length", String(body.length)])]);
    answer.end(body);
  });
  const sides: Side[] = [];
  try {
    await new Promise<void>((listening) => origin.listen(0, "127.0.0.1", listening));
    const { port } = origin.address() as AddressInfo;
    for (const one of [scenario, { ...scenario, plugins: [] }]) {
      sides.push(await start(one, binary, await mkdtemp(join(folder, "e-")), port, connections));
    }
    for (const side of sides) await send(side, exchange, requests, connections); // V8 in Envoy has tiers too
    for (const side of sides) for (const name of Object.keys(side.statuses)) delete side.statuses[name];
    for (let round = 0; round < rounds; round++) {
      signal?.throwIfAborted();
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        const [before, cpu] = [await counted(side), side.clock.read()];
        await send(side, exchange, requests, connections);
        const used = side.clock.read() - cpu;
        const count = (await counted(side)) - before;
        side.requests += count;
        side.cpuUs.push(used / count);
      }
    }
  } finally {
    for (const { agent } of sides) agent.destroy();
    await Promise.all(sides.map(({ envoy }) => envoy.stop()));
    origin.closeAllConnections();
    origin.close();
    await rm(folder, { recursive: true, force: true });
  }
  const [filtered, plain] = sides.map(({ cpuUs, requests: count, statuses }) => ({ cpuUs, requests: count, statuses }));
  return {
    envoy: binary.version,
    clock: sides[0]!.clock.source,
    with: filtered!,
    without: plain!,
    addedUs: filtered!.cpuUs.map((one, i) => one - plain!.cpuUs[i]!),
  };
}

async function start(
  scenario: Scenario,
  binary: EnvoyBinary,
  folder: string,
  up: number,
  connections: number,
): Promise<Side> {
  const ports = { up, up2: refusedPort, call: refusedPort, grpc: refusedPort, code: refusedPort };
  const bootstrap = bootstrapOf(scenario, { ports, modules: folder, accessLog: join(folder, "access.log") });
  const started = await EnvoyProcess.start({ binary: binary.path, folder, bootstrap: withoutAccessLog(bootstrap) });
  const { envoy, port } = started;
  try {
    if (port === undefined) {
      await envoy.stop();
      const { lines, beside } = await envoy.log();
      const last = [...lines.slice(-5).map(({ line }) => line.message), ...beside.slice(-5)];
      throw envoyError("ENVOY_STUCK", `Cannot measure: Envoy ${binary.version} does not start with ${scenario.name}`, {
        details: last,
      });
    }
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    return { envoy, port, clock: workerClock(envoy.pid), agent, cpuUs: [], statuses: {}, requests: 0 };
  } catch (thrown) {
    await envoy.stop();
    throw thrown;
  }
}

/** It would be written in both, and its many fields cost more than a small filter. */
function withoutAccessLog(bootstrap: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(bootstrap), (key, value: unknown) =>
    key === "access_log" ? undefined : value,
  ) as JsonObject;
}

async function counted({ envoy }: Side): Promise<number> {
  const name = "http.in.downstream_rq_completed";
  const stats = await envoy.admin(`/stats?filter=${encodeURIComponent(`^${name}$`)}`);
  const count = stats === undefined ? NaN : Number(parseStats(stats)[name]);
  if (Number.isNaN(count)) throw envoyError("ENVOY_STUCK", `Cannot measure: Envoy ended, or does not tell ${name}`);
  return count;
}

/** So many requests, as many at a time as there are connections; all are answered when it returns. */
async function send(side: Side, exchange: ModuleExchange, requests: number, connections: number): Promise<void> {
  let left = requests;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const status = await answered(side, exchange);
      side.statuses[status] = (side.statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
}

function answered({ port, agent }: Side, exchange: ModuleExchange): Promise<string> {
  const { method, path = "/", authority = "example.com", headers = [], body } = exchange;
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        host: "127.0.0.1",
        port,
        agent,
        path,
        method: method ?? (body === undefined ? "GET" : "POST"),
        headers: [
          "host",
          authority,
          ...(body === undefined ? [] : ["content-length", String(body.length)]),
          ...headers.filter(([name]) => !/^(host|content-length)$/i.test(name)).flat(),
        ],
        timeout: 10_000,
      },
      (answer) => {
        answer.resume();
        answer.on("error", reject);
        answer.on("end", () => resolve(String(answer.statusCode)));
      },
    );
    const fail = (why: string): void => reject(envoyError("ENVOY_STUCK", `Cannot measure: a request failed: ${why}`));
    sent.on("timeout", () => sent.destroy(new Error("no answer within 10 s")));
    sent.on("error", (thrown: Error) => fail(thrown.message));
    sent.end(body);
  });
}
