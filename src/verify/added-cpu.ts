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
  /** Each has two Envoys of its own. Default 20. */
  readonly rounds?: number;
  /** Requests to each Envoy that are measured in a round, after as many that warm it up. Default 1000. */
  readonly requests?: number;
  /** Connections, each with one request at a time. Default 8. */
  readonly connections?: number;
  /** Ends before the next round. */
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

/** An Envoy that runs, with what it used in its round. */
interface Side {
  readonly envoy: EnvoyProcess;
  readonly port: number;
  readonly clock: WorkerClock;
  readonly agent: Agent;
  readonly statuses: Record<string, number>;
  cpuUs: number;
  requests: number;
}

/**
 * Two Envoys of one worker each, one with the filter and one without, get the same requests in turns; the CPU of each worker's
 * thread is divided by the requests that its Envoy counted. Both are started anew in each round: a process costs some more or less
 * than another like it for as long as it lives, which rounds on the same two would take for the filter's. HTTP/1, without trailers,
 * without access log.
 *
 * @throws {HarnessError} ENVOY_MISSING, ENVOY_UNUSABLE; ENVOY_STUCK when an Envoy does not start with the module, or ends.
 */
export async function addedCpu(exchange: ModuleExchange, options: AddedCpuOptions = {}): Promise<AddedCpu> {
  const { rounds = 20, requests = 1000, connections = 8, signal } = options;
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
  const found: (readonly [filtered: Side, plain: Side])[] = [];
  try {
    await new Promise<void>((listening) => origin.listen(0, "127.0.0.1", listening));
    const { port } = origin.address() as AddressInfo;
    const begin = async (what: Scenario): Promise<Side> =>
      start(what, binary, await mkdtemp(join(folder, "e-")), port, connections);
    for (let round = 0; round < rounds; round++) {
      signal?.throwIfAborted();
      const filtered = await begin(scenario);
      try {
        const plain = await begin({ ...scenario, plugins: [] });
        try {
          await measure(round % 2 === 0 ? [filtered, plain] : [plain, filtered], exchange, requests, connections);
          found.push([filtered, plain]);
        } finally {
          await stop(plain);
        }
      } finally {
        await stop(filtered);
      }
    }
  } finally {
    origin.closeAllConnections();
    origin.close();
    await rm(folder, { recursive: true, force: true });
  }
  const [filtered, plain] = [found.map(([one]) => one), found.map(([, one]) => one)];
  return {
    envoy: binary.version,
    clock: filtered[0]!.clock.source,
    with: costOf(filtered),
    without: costOf(plain),
    addedUs: found.map(([one, other]) => one.cpuUs / one.requests - other.cpuUs / other.requests),
  };
}

function costOf(sides: readonly Side[]): WorkerCost {
  const statuses: Record<string, number> = {};
  for (const side of sides) {
    for (const [status, count] of Object.entries(side.statuses)) statuses[status] = (statuses[status] ?? 0) + count;
  }
  const requests = sides.reduce((sum, side) => sum + side.requests, 0);
  return { cpuUs: sides.map((side) => side.cpuUs / side.requests), requests, statuses };
}

/** There and back: what drifts weighs on both alike. */
async function measure(
  sides: readonly Side[],
  exchange: ModuleExchange,
  requests: number,
  connections: number,
): Promise<void> {
  for (const side of sides) await send(side, exchange, requests, connections); // V8 in Envoy has tiers too
  for (const side of sides) for (const name of Object.keys(side.statuses)) delete side.statuses[name];
  for (const side of [...sides, ...sides.toReversed()]) {
    const [before, cpu] = [await counted(side), side.clock.read()];
    await send(side, exchange, Math.ceil(requests / 2), connections);
    side.cpuUs += side.clock.read() - cpu;
    side.requests += (await counted(side)) - before;
  }
}

async function stop({ agent, envoy }: Side): Promise<void> {
  agent.destroy();
  await envoy.stop();
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
    return { envoy, port, clock: workerClock(envoy.pid), agent, statuses: {}, cpuUs: 0, requests: 0 };
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
