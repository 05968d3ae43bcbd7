import { HarnessError } from "../../errors.js";
import { newestProfile, type Profile } from "../../proxy/envoy/profiles.js";
import { EnvoyProxy } from "../../proxy/envoy/proxy.js";
import { cutLog, isOfInterest } from "../envoy/log-parts.js";
import { prometheusLines } from "../../proxy/envoy/stats.js";
import { createMask, maskDeep } from "../envoy/mask.js";
import type { LogLine, Recording } from "../envoy/recording.js";
import { probeFolder } from "../envoy/record.js";
import type { Scenario } from "../envoy/scenario.js";
import { parseTrace } from "../envoy/trace.js";
import { playClients } from "../envoy/wire/clients.js";
import type { Timeline } from "../envoy/wire/pause.js";
import { accessOf } from "./access-of.js";
import { dialProxy } from "./listener.js";
import { logLines } from "./log-lines.js";
import type { World } from "./origin-hosts.js";
import { Unstartable } from "./plugins-of.js";
import { type Replayed, settingsOf } from "./settings-of.js";
import { dialTcp, tcpListenerOf } from "./tcp.js";
import { drive, VirtualSocket, virtualTime } from "./virtual-net.js";

export interface ReplayOptions {
  /** Folder of the modules that a scenario names without a path. Default: the probe's. */
  readonly modules?: string;
  /** The Envoy to be. Default: the newest. */
  readonly profile?: Profile;
  /** Milliseconds that one entry into a guest may take; 0: no limit. Default 10,000. */
  readonly budgetMs?: number;
}

/**
 * Plays a scenario to our own proxy, on virtual time and without a network, and tells what it did as `record` does of an Envoy.
 *
 * @throws {HarnessError} OPTION_INVALID for a scenario that uses what our proxy has nothing for.
 */
export async function replay(scenario: Scenario, options: ReplayOptions = {}): Promise<Recording> {
  const modules = options.modules ?? probeFolder;
  const world = new LateWorld();
  const profile = options.profile ?? newestProfile;
  const mask = createMask(scenario.mask, [modules.replace(/\/$/, "")]);
  const replayed = await settingsOf(scenario, modules, world).catch(unstarted);
  if (replayed instanceof Unstartable) {
    return maskDeep(refusal(scenario, profile, [], replayed.lines, replayed.message), mask);
  }
  const { proxy, refused } = await EnvoyProxy.attempt(
    { ...replayed.settings, ...(options.budgetMs !== undefined && { budgetMs: options.budgetMs }) },
    profile,
    (made) => {
      world.proxy = made;
    },
  );
  if (refused !== undefined) {
    const words = refused.details.at(-1) ?? refused.message;
    return maskDeep(refusal(scenario, profile, workerLog(proxy), mainLog(proxy), words), mask);
  }
  const played = await drive(proxy.clock, play(scenario, proxy, world, replayed));
  for (const origin of replayed.origins.values()) origin.stop();
  return maskDeep(played, mask);
}

/** The clock of a proxy that is made after its hosts. */
class LateWorld implements World {
  #proxy: EnvoyProxy | undefined;
  #time: Timeline | undefined;
  readonly #connections: VirtualSocket[] = [];
  #isCut = false;

  set proxy(proxy: EnvoyProxy) {
    this.#proxy = proxy;
    this.#time = virtualTime(proxy.clock);
  }

  get clock(): World["clock"] {
    return this.#there(this.#proxy).clock;
  }

  get time(): Timeline {
    return this.#there(this.#time);
  }

  get resetCode(): number {
    return this.#there(this.#proxy).profile.resetCode;
  }

  connection(): [VirtualSocket, VirtualSocket] {
    const ends = VirtualSocket.pair(this.clock);
    this.#connections.push(ends[0]);
    if (this.#isCut) ends[0].destroy();
    return ends;
  }

  /** Ends every connection of the proxy, those to come as well. */
  cut(): void {
    this.#isCut = true;
    for (const connection of this.#connections) connection.destroy();
  }

  #there<T>(value: T | undefined): T {
    if (value === undefined) throw new HarnessError("ILLEGAL_CALL", "Cannot reach a host: the proxy is not there yet");
    return value;
  }
}

async function play(
  scenario: Scenario,
  proxy: EnvoyProxy,
  world: LateWorld,
  { origins }: Replayed,
): Promise<Recording> {
  let crash: Pick<Recording, "exit" | "log" | "access"> | undefined;
  proxy.onCrash = ({ message }) => {
    const aborts = message.includes(panic);
    crash = {
      exit: aborts ? "SIGABRT" : "SIGSEGV",
      log: [...workerLog(proxy), ...(aborts ? [panicLine] : [])],
      access: accessLog(proxy, scenario),
    };
    world.cut();
  };
  await world.time.pause(scenario.wait_ms ?? 0);
  const tcp = scenario.tcp === true ? tcpListenerOf(proxy, origins.get("up"), world) : undefined;
  const dial = tcp === undefined ? dialProxy(proxy, world) : dialTcp(tcp, world);
  const clients = await playClients(scenario, dial, world.time);
  await world.time.pause(scenario.settle_ms ?? 80);

  const named = Array.from(origins);
  const upstream = named.map(([name, origin]) => [name, origin.take()] as const).filter(([, list]) => list.length > 0);
  const idle = named.map(([name, origin]) => [name, origin.idle] as const).filter(([, count]) => count > 0);
  const stats = proxy.statistics().filter(({ name }) => new RegExp(scenario.stats_filter ?? "wasm").test(name));
  const log = workerLog(proxy);
  tcp?.close(); // Envoy logs the access of connections that were left open when it ends
  const trace = isTraced(scenario) ? parseTrace(allLines(proxy)) : undefined;
  const access = crash?.access ?? accessLog(proxy, scenario);
  proxy.close();
  const onMain = mainLog(proxy);
  const main = scenario.also?.includes("main") ? onMain : onMain.filter(({ level }) => !isQuiet(level));
  return {
    envoy: proxy.profile.release,
    started: true,
    exit: crash?.exit ?? 0,
    ...cutLog(crash?.log ?? log, crash !== undefined),
    ...(main.length > 0 && { main }),
    ...(scenario.also?.includes("shutdown") && { shutdown: workerLog(proxy).slice(log.length) }),
    ...(trace && { trace }),
    clients,
    upstream: Object.fromEntries(upstream),
    ...(idle.length > 0 && crash === undefined && { idle: Object.fromEntries(idle) }),
    access,
    ...(crash === undefined && { stats: Object.fromEntries(stats.map(({ name, value }) => [name, String(value)])) }),
    ...(scenario.prometheus && { prometheus: prometheusLines(stats) }),
  };
}

/** What Envoy says before it aborts. */
const panic = "panic: unset oneof";
const panicLine: LogLine = { level: "critical", logger: "assert", message: panic };

function unstarted(thrown: unknown): Unstartable {
  if (thrown instanceof Unstartable) return thrown;
  throw thrown;
}

/** What an Envoy does that does not start: it says why and exits. */
function refusal(
  scenario: Scenario,
  { release }: Profile,
  log: LogLine[],
  main: readonly LogLine[],
  words: string,
): Recording {
  const last: LogLine = {
    level: "critical",
    logger: "main",
    message: `error \`${words}\` initializing config '<file>'`,
  };
  return {
    envoy: release,
    started: false,
    exit: 1,
    log,
    main: [...main, last],
    stderr: [words],
    ...(isTraced(scenario) && { trace: [] }),
    clients: [],
    upstream: {},
    access: [],
  };
}

const isTraced = ({ log_levels: levels }: Scenario): boolean => levels?.["wasm"] === "trace";
const accessLog = (proxy: EnvoyProxy, scenario: Scenario): Recording["access"] =>
  proxy.accessLog.map((entry) => accessOf(entry, scenario.access_log_fields));
const allLines = (proxy: EnvoyProxy): LogLine[] => proxy.workers.flatMap(({ log }) => logLines(log.records));
const workerLog = (proxy: EnvoyProxy): LogLine[] => allLines(proxy).filter(isOfInterest);
const mainLog = (proxy: EnvoyProxy): LogLine[] =>
  proxy.main === undefined ? [] : logLines(proxy.main.log.records).filter(isOfInterest);
const isQuiet = (level: LogLine["level"]): boolean => level === "trace" || level === "debug" || level === "info";
