import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAccessLog } from "./access-log.js";
import { parseStats } from "./admin.js";
import { bootstrapOf } from "./bootstrap.js";
import { refusedPort } from "./bootstrap-clusters.js";
import { EnvoyProcess } from "./envoy-process.js";
import { envoyError } from "./errors.js";
import { type EnvoyBinary, findEnvoy } from "./find.js";
import { sortLog, workerLines } from "./log-parts.js";
import { createMask, maskDeep } from "./mask.js";
import type { Recording } from "./recording.js";
import type { ClusterName, Scenario } from "./scenario.js";
import { parseTrace } from "./trace.js";
import { connectTo } from "./wire/byte-stream.js";
import { playClients } from "./wire/clients.js";
import { Origin } from "./wire/origin.js";
import { pause, realTime } from "./wire/pause.js";

export interface RecordOptions {
  /** A binary or a version; otherwise the one `findEnvoy` finds. */
  readonly envoy?: string | EnvoyBinary;
  /** Folder of the modules that a scenario names without a path. Default: the probe's. */
  readonly modules?: string;
}

/** `fixtures/probe` of this package's checkout. */
export const probeFolder = fileURLToPath(new URL("../../../fixtures/probe/", import.meta.url));

const origins: readonly ClusterName[] = ["up", "up2", "call", "grpc", "code"];
const accessLogFlushMs = 30;
const crashEntries = 5;

/**
 * Plays a scenario to a real Envoy of its own, on free ports of 127.0.0.1, and tells what it did.
 *
 * Envoy is always ended and its folder removed. A crash is a result, and so is a configuration that Envoy refuses.
 *
 * @throws {HarnessError} `ENVOY_MISSING`, `ENVOY_UNUSABLE`; `ENVOY_STUCK` if it neither began to listen nor ended.
 */
export async function record(scenario: Scenario, options: RecordOptions = {}): Promise<Recording> {
  const binary = typeof options.envoy === "object" ? options.envoy : await findEnvoy(options.envoy);
  const modules = options.modules ?? probeFolder;
  const folder = await mkdtemp(join(tmpdir(), "pwh-envoy-"));
  const listening = new Map<ClusterName, Origin>();
  try {
    for (const name of origins) {
      if (scenario.upstreams_off?.includes(name)) continue;
      const kind =
        name === "code"
          ? { modules }
          : { speaks: scenario.tcp && name === "up" ? ("tcp" as const) : ("http" as const) };
      listening.set(name, await Origin.listen(kind, scenario.upstreams?.[name]));
    }
    return await run(scenario, binary, folder, modules, listening);
  } finally {
    await Promise.all(Array.from(listening.values(), (origin) => origin.close()));
    await rm(folder, { recursive: true, force: true });
  }
}

type Played = Pick<Recording, "clients" | "upstream" | "idle" | "stats" | "prometheus">;

async function run(
  scenario: Scenario,
  binary: EnvoyBinary,
  folder: string,
  modules: string,
  listening: ReadonlyMap<ClusterName, Origin>,
): Promise<Recording> {
  const ports = Object.fromEntries(origins.map((name) => [name, listening.get(name)?.port ?? refusedPort]));
  const accessLog = join(folder, "access.log");
  const places = { ports: { ...ports, refused: refusedPort }, modules, accessLog };
  const { envoy, port } = await EnvoyProcess.start({
    binary: binary.path,
    folder,
    bootstrap: bootstrapOf(scenario, places),
    ...(scenario.concurrency !== undefined && { concurrency: scenario.concurrency }),
    ...(scenario.log_level !== undefined && { logLevel: scenario.log_level }),
    ...(scenario.log_levels !== undefined && { logLevels: scenario.log_levels }),
    ...(scenario.process_env !== undefined && { environment: scenario.process_env }),
    ...(scenario.start_timeout_ms !== undefined && { startTimeoutMs: scenario.start_timeout_ms }),
  });
  let played: Played = { clients: [], upstream: {} };
  let stuck = false;
  try {
    stuck = port === undefined && envoy.running;
    if (port !== undefined) played = await play(scenario, envoy, port, listening);
  } finally {
    await envoy.stop();
  }
  const log = await envoy.log();
  if (stuck) {
    const last = [...log.lines.slice(-5).map(({ line }) => line.message), ...log.beside.slice(-5)];
    throw envoyError(
      "ENVOY_STUCK",
      `Cannot start Envoy ${binary.version}: it does not listen after its time to start`,
      {
        details: last,
      },
    );
  }

  const started = port !== undefined;
  const parts = sortLog(log, { main: envoy.pid, started, also: scenario.also ?? [], exit: envoy.exit });
  const mask = createMask(scenario.mask, [folder, modules.replace(/\/$/, "")]);
  const access = parseAccessLog(await readFile(accessLog, "utf8").catch(() => ""));
  const recording: Recording = {
    envoy: binary.version,
    started,
    exit: envoy.exit,
    ...parts,
    ...(scenario.log_levels?.["wasm"] === "trace" && { trace: parseTrace(workerLines(log, envoy.pid)) }),
    ...played,
    access: parts.logCut ? access.slice(0, crashEntries) : access,
  };
  return maskDeep(recording, mask);
}

async function play(
  scenario: Scenario,
  envoy: EnvoyProcess,
  port: number,
  listening: ReadonlyMap<ClusterName, Origin>,
): Promise<Played> {
  await pause(scenario.wait_ms ?? 0);
  const clients = await playClients(scenario, () => connectTo(port), realTime);
  await pause(scenario.settle_ms ?? 80);
  const filter = `usedonly&filter=${encodeURIComponent(scenario.stats_filter ?? "wasm")}`;
  const stats = await envoy.admin(`/stats?${filter}`);
  const prometheus = scenario.prometheus ? await envoy.admin(`/stats/prometheus?${filter}`) : undefined;
  // What is noted of the origins ends here: the shutdown closes every connection.
  const named = Array.from(listening);
  const upstream = named.map(([name, origin]) => [name, origin.take()] as const).filter(([, list]) => list.length > 0);
  const idle = named.map(([name, origin]) => [name, origin.idle] as const).filter(([, count]) => count > 0);
  await pause(accessLogFlushMs);
  return {
    clients,
    upstream: Object.fromEntries(upstream),
    ...(idle.length > 0 && { idle: Object.fromEntries(idle) }),
    ...(stats !== undefined && { stats: parseStats(stats) }),
    ...(prometheus !== undefined && { prometheus: prometheus.split("\n").filter((line) => line !== "") }),
  };
}
