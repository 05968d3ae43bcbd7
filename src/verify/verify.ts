import { appendFile, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { HarnessError, messageOf } from "../errors.js";
import { profileOf } from "../proxy/envoy/profiles.js";
import { withoutChance } from "./chance.js";
import type { Difference } from "./envoy/compare.js";
import { compareRecordings, compareUpToCrash } from "./envoy/compare.js";
import type { EnvoyBinary } from "./envoy/find.js";
import { findEnvoy } from "./envoy/find.js";
import { checkV8 } from "./envoy/has-v8.js";
import { inParallel } from "./envoy/in-parallel.js";
import { record } from "./envoy/record.js";
import type { Recording } from "./envoy/recording.js";
import type { FailurePolicy } from "../proxy/envoy/settings.js";
import type { BodySpec, ConfigSpec, HeaderList, PluginSpec, Scenario } from "./envoy/scenario.js";
import { formatRecorded, parseRecorded } from "./envoy/store.js";
import { replay } from "./replay/replay.js";

export interface VerifyOptions {
  /** A path, a version, or what `findEnvoy` gave. Default: `ENVOY`, then PATH, then the newest installed. */
  readonly envoy?: string | EnvoyBinary;
  /** Scenarios at a time, each with an Envoy of its own. Default 2. */
  readonly jobs?: number;
  /** Told when one is done, in order of completion. */
  readonly done?: (result: Verification) => void;
}

/** What became of one scenario on both hosts. */
export interface Verification {
  readonly scenario: Scenario;
  /** Release of the Envoy. */
  readonly envoy: string;
  readonly outcome: "same" | "different" | "failed";
  /** The first difference of each part, the most telling first. */
  readonly differences: readonly Difference[];
  /** What Envoy did. */
  readonly recorded: Recording | undefined;
  /** What our proxy did. */
  readonly replayed: Recording | undefined;
  /** Addresses and readings of the clock were left out of the traces: two runs of the same Envoy do not agree on them. */
  readonly variesByChance: boolean;
  /** Why it could not be told. */
  readonly problem: HarnessError | undefined;
}

/**
 * Plays scenarios to a real Envoy and to our proxy, and compares everything that both show.
 *
 * Everything stays on loopback; each Envoy is ended by its id and its folder removed.
 *
 * @returns In the order given. A scenario that cannot be played is `failed`, with its problem.
 * @throws {HarnessError} ENVOY_MISSING, ENVOY_UNUSABLE, ENVOY_WITHOUT_V8.
 */
export async function verify(scenarios: readonly Scenario[], options: VerifyOptions = {}): Promise<Verification[]> {
  const binary = typeof options.envoy === "object" ? options.envoy : await findEnvoy(options.envoy);
  await checkV8(binary);
  const results: Verification[] = [];
  await inParallel(options.jobs ?? 2, [...scenarios.entries()], async ([at, scenario]) => {
    const result = await verifyOne(scenario, binary);
    results[at] = result;
    options.done?.(result);
  });
  return results;
}

async function verifyOne(scenario: Scenario, binary: EnvoyBinary): Promise<Verification> {
  const base = {
    scenario,
    envoy: binary.version,
    variesByChance: false,
    recorded: undefined,
    replayed: undefined,
    problem: undefined,
  };
  try {
    const replayed = await replay(scenario, { profile: profileOf(binary.version) });
    const recorded = await record(scenario, { envoy: binary });
    const differences = compareUpToCrash(recorded, replayed, scenario);
    const found = {
      ...base,
      outcome: differences.length === 0 ? "same" : "different",
      differences,
      recorded,
      replayed,
    } as const;
    return differences.some(({ part }) => part === "trace") ? await withoutVarying(found, binary) : found;
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    return { ...base, outcome: "failed", differences: [], problem: thrown };
  }
}

/** How often a guest is given the chance to differ from itself: Go's does so in two runs of three. */
const chances = 6;

/** A guest that lays out its memory by chance differs from itself: then addresses tell nothing. */
async function withoutVarying(found: Verification, binary: EnvoyBinary): Promise<Verification> {
  const { scenario, recorded, replayed } = found;
  for (let i = 0; i < chances; i++) {
    const again = await record(scenario, { envoy: binary });
    if (compareRecordings(recorded!, again, scenario).every(({ part }) => part !== "trace")) continue;
    const plain = (one: Recording): Recording => ({ ...one, ...(one.trace && { trace: withoutChance(one.trace) }) });
    const differences = compareRecordings(plain(recorded!), plain(replayed!), scenario);
    return { ...found, variesByChance: true, differences, outcome: differences.length === 0 ? "same" : "different" };
  }
  return found;
}

/** Appends what Envoy did, one line for each scenario, as `test/recordings` has them. */
export async function appendRecordings(file: string, results: readonly Verification[]): Promise<void> {
  const lines = results.flatMap(({ scenario, recorded }) => {
    if (recorded === undefined) return [];
    const entry = { name: scenario.name, doc: scenario.doc ?? "", scenario, recorded: { [recorded.envoy]: recorded } };
    return [`${formatRecorded(entry, () => false)}\n`];
  });
  await appendFile(file, lines.join(""));
}

/** What `pwh verify` needs to know of a module and the exchange to make with it. */
export interface ModuleExchange {
  /** The file, or the module itself. */
  readonly module: string | Uint8Array;
  readonly name?: string;
  readonly rootId?: string;
  readonly vmId?: string;
  readonly configuration?: Uint8Array;
  readonly vmConfiguration?: Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly failurePolicy?: FailurePolicy;
  readonly failOpen?: boolean;
  readonly capabilities?: readonly string[];
  readonly allowOnHeadersStopIteration?: boolean;
  /** Name of the HTTP filter, if not the plugin's. */
  readonly filterName?: string;
  /** What it is called in reports. Default: the file. */
  readonly title?: string;
  readonly http2?: boolean;
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly headers?: HeaderList;
  readonly body?: Uint8Array;
  readonly trailers?: HeaderList;
  readonly response?: {
    readonly status?: number;
    readonly headers?: HeaderList;
    readonly body?: Uint8Array;
    readonly trailers?: HeaderList;
  };
}

/**
 * A scenario that sends one request through any module, at log level trace: every callback and every hostcall is compared, with raw
 * arguments and results.
 */
export function scenarioOf(exchange: ModuleExchange): Scenario {
  const { response = {} } = exchange;
  const plugin: PluginSpec = {
    name: exchange.name ?? "p",
    ...(exchange.filterName !== undefined && { filter_name: exchange.filterName }),
    root_id: exchange.rootId ?? "",
    ...(exchange.vmId !== undefined && { vm_id: exchange.vmId }),
    ...(typeof exchange.module === "string"
      ? { module: resolve(exchange.module) }
      : { inline_b64: Buffer.from(exchange.module).toString("base64") }),
    ...(exchange.configuration && { config: configOf(exchange.configuration) }),
    ...(exchange.vmConfiguration && { vm_config: configOf(exchange.vmConfiguration) }),
    ...(exchange.environment && { env: exchange.environment }),
    ...(exchange.failurePolicy && { failure_policy: exchange.failurePolicy }),
    ...(exchange.failOpen !== undefined && { fail_open: exchange.failOpen }),
    ...(exchange.capabilities && { capabilities: exchange.capabilities }),
    ...(exchange.allowOnHeadersStopIteration !== undefined && { allow_stop: exchange.allowOnHeadersStopIteration }),
  };
  return {
    name: exchange.title ?? (typeof exchange.module === "string" ? exchange.module : "module"),
    plugins: [plugin],
    clients: [
      {
        ...(exchange.http2 && { proto: "http2" as const }),
        ...(exchange.method !== undefined && { method: exchange.method }),
        ...(exchange.path !== undefined && { path: exchange.path }),
        ...(exchange.authority !== undefined && { authority: exchange.authority }),
        ...(exchange.headers && { headers: exchange.headers }),
        ...(exchange.body && { body: bodyOf(exchange.body) }),
        ...(exchange.trailers && exchange.trailers.length > 0 && { trailers: exchange.trailers, framing: "chunked" }),
        timeout_ms: 5000,
      },
    ],
    upstreams: {
      up: [
        {
          ...(response.status !== undefined && { status: response.status }),
          ...(response.headers && { headers: response.headers }),
          ...(response.body && { body: response.body.length === 0 ? null : bodyOf(response.body) }),
          ...(response.trailers && response.trailers.length > 0 && { trailers: response.trailers, framing: "chunked" }),
        },
      ],
    },
    ...((exchange.trailers?.length ?? 0) > 0 && { h1_trailers: true }),
    ...((response.trailers?.length ?? 0) > 0 && { upstream_trailers: true, h1_trailers: true }),
    ...(exchange.http2 && { upstream: "http2" as const }),
    log_levels: { wasm: "trace" },
  };
}

const bodyOf = (bytes: Uint8Array): BodySpec => `b64:${Buffer.from(bytes).toString("base64")}`;
const configOf = (bytes: Uint8Array): ConfigSpec => ({ bytes_b64: Buffer.from(bytes).toString("base64") });

/**
 * The scenarios of a file: `.json` with one or a list of them, `.jsonl` with recordings (what was recorded is made again).
 *
 * @throws {HarnessError} FILE_UNREADABLE, SCENARIO_INVALID.
 */
export async function readScenarios(file: string): Promise<readonly Scenario[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (thrown) {
    const why = (thrown as { code?: string }).code === "ENOENT" ? "there is no such file" : messageOf(thrown);
    throw new HarnessError("FILE_UNREADABLE", `Cannot read ${file}: ${why}`, { cause: thrown });
  }
  try {
    const found = file.endsWith(".jsonl")
      ? text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [parseRecorded(line).scenario]))
      : [JSON.parse(text) as unknown].flat().map((one) => checked(one));
    if (found.length === 0) throw new Error("it has no scenario");
    return found;
  } catch (thrown) {
    throw new HarnessError("SCENARIO_INVALID", `Cannot use ${file}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function checked(value: unknown): Scenario {
  if (typeof value !== "object" || value === null)
    throw new Error(`a scenario is an object, not ${JSON.stringify(value)}`);
  const { plugins, clients, name } = value as Record<string, unknown>;
  if (plugins !== undefined && !Array.isArray(plugins))
    throw new Error(`"plugins" is a list, not ${JSON.stringify(plugins)}`);
  if (clients !== undefined && !Array.isArray(clients))
    throw new Error(`"clients" is a list, not ${JSON.stringify(clients)}`);
  if (plugins === undefined) throw new Error('a scenario names its "plugins"');
  return { ...(value as object), name: typeof name === "string" ? name : "scenario" } as Scenario;
}
