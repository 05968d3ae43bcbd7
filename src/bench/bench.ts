import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { HarnessError } from "../errors.js";
import { configurationBytes } from "../harness/option-values.js";
import type { PluginOptions } from "../harness/plugin.js";
import type { ModuleSource } from "../harness/source.js";
import { loadSource, nameOfSource } from "../harness/source.js";
import { sha256Of } from "../scenario/attestation.js";
import { countAllocations } from "../vm/count-allocations.js";
import type { Baseline } from "./baseline.js";
import { againstBaseline, readBaseline } from "./baseline.js";
import { measureCold } from "./cold.js";
import { compared } from "./compare.js";
import { constantWork } from "./constant.js";
import { countExchanges } from "./counts.js";
import { CrossingMeter, perExchange } from "./crossings.js";
import { defaultExchange } from "./default-exchange.js";
import { parseSweep, sentSha256 } from "./load.js";
import { thisMachine } from "./machine.js";
import { measureGrowth } from "./memory-growth.js";
import { ownAllocations } from "./own-allocations.js";
import type { BenchReport, Distribution, FunctionCost, Load, Noise } from "./report.js";
import type { Estimate, Round } from "./statistics.js";
import { median, medianOf, pairedRatio, quantilesOf, relativeSpread } from "./statistics.js";
import type { BenchExchange } from "./subject.js";
import { Subject } from "./subject.js";
import type { SweepReport } from "./sweep.js";
import { sweep } from "./sweep.js";
import { judge, parseThreshold, percentileOf, unjudged } from "./thresholds.js";
import { warmUp } from "./warm-up.js";

export interface BenchOptions extends PluginOptions {
  /** What is sent, in turn. Default: one GET with 9 headers, answered with 4. */
  readonly exchanges?: readonly BenchExchange[];
  /** Rounds of measuring, at least 5. Default 40. */
  readonly rounds?: number;
  /** Milliseconds that each module is measured in a round. Default 20. */
  readonly roundMs?: number;
  /** Streams in flight together. Default 1. */
  readonly streams?: number;
  /** `fresh`: each exchange begins with the state after configuration; putting it back is not timed. Default `reused`. */
  readonly state?: "reused" | "fresh";
  /** An older module, measured in turns in the same run. */
  readonly against?: ModuleSource;
  /** A file that `--save-baseline` wrote. */
  readonly baseline?: string;
  /** Limits, such as `p(95)<50us`, `ratio<1.1`, `memory_slope==0`. */
  readonly thresholds?: readonly string[];
  /** What to vary of the one exchange: `headers=1,10,50,100` more, `body=0,1024,65536`; each is measured besides. */
  readonly sweeps?: readonly string[];
  /** Exchanges made to see whether memory grows. Default 16384. */
  readonly memoryExchanges?: number;
  /** Ends after the round that runs, or at the end of the next other part. */
  readonly signal?: AbortSignal;
}

/** A report, and what is kept of it as a baseline. */
export interface BenchResult {
  readonly report: BenchReport;
  readonly baseline: Baseline;
  /** Microseconds of each exchange, by round. */
  readonly samples: readonly Round[];
}

const percentiles: readonly number[] = [50, 90, 95, 99, 99.9];

/**
 * Measures what a filter costs in this Node. Its times are those of the module's code and of this host around it: V8 as in
 * Envoy, but in a hot loop; no latency in Envoy.
 *
 * @throws {HarnessError} As `loadPlugin`; OPTION_INVALID; EXCHANGE_STUCK when an exchange does not end; GUEST_TRAPPED and
 *   GUEST_TIMEOUT when the plugin fails under load.
 */
export async function bench(source: ModuleSource, options: BenchOptions = {}): Promise<BenchResult> {
  const {
    exchanges = [defaultExchange],
    rounds = 40,
    roundMs = 20,
    streams = 1,
    state = "reused",
    against,
    baseline: baselineFile,
    thresholds = [],
    sweeps = [],
    memoryExchanges = 16_384,
    signal,
    ...given
  } = options;
  whole("rounds", rounds, 5, 10_000);
  whole("streams", streams, 1, 10_000);
  whole("memoryExchanges", memoryExchanges, 128, 1e8);
  if (!(roundMs >= 1 && roundMs <= 10_000)) refuse(`Cannot use roundMs ${roundMs}: it is from 1 to 10000`);
  if (exchanges.length === 0) refuse("Cannot measure: there is no exchange");
  const limits = thresholds.map(parseThreshold);
  const wanted = sweeps.map(parseSweep);
  const needsOther = limits.find(({ metric }) => metric === "ratio");
  if (needsOther !== undefined && against === undefined && baselineFile === undefined) throw unjudged(needsOther);
  if (wanted.length > 0 && exchanges.length > 1) {
    refuse(
      `Cannot sweep ${exchanges.length} exchanges: it varies one; give that by --path, -H and -d instead of --load`,
    );
  }
  const sent: Load = { exchanges: exchanges.length, streams, state, sha256: sentSha256(exchanges) };
  const then = baselineFile === undefined ? undefined : await readBaseline(baselineFile, sent);
  const pause = async (): Promise<void> => {
    await new Promise(setImmediate); // a signal is heard between turns only
    if (signal?.aborted === true) throw new HarnessError("ILLEGAL_CALL", "Stopped before the measurement was complete");
  };
  const plugin: PluginOptions = { budgetMs: 10_000, ...given };
  const module = await loadSource(source);
  const name = nameOfSource(source);
  const named = { name, ...plugin };
  const counting = countAllocations(module.bytes, module.info);
  const needsNames = limits.find(({ metric }) => metric.startsWith("own_"));
  if (needsNames !== undefined && counting === undefined) throw unjudged(needsNames);
  const cold = await measureCold(module, named, exchanges);
  await pause();
  const load = (from: ModuleSource): Promise<Subject> => Subject.load(from, named, exchanges, streams);
  const sources = [source, ...(against === undefined ? [] : [against])];
  let subjects: Subject[] = [];
  for (const one of sources) subjects.push(await load(one));
  const freshState = state === "fresh";
  const collect = collector();
  const warmUps = subjects.map((subject) => warmUp(subject, freshState));
  await pause();
  const times = Math.max(
    10,
    Math.round(Math.min(...warmUps.map(({ timeline }) => (roundMs * 1000) / streams / timeline.at(-1)!))),
  );
  const samples: Round[][] = subjects.map(() => []);
  const constant: number[] = [];
  for (let i = 0; i < 10; i++) constantRound(); // it warms up, too
  for (let round = 0; round < rounds; round++) {
    const isBackwards = round % 2 === 1;
    if (against !== undefined) subjects = await anew(subjects, sources, load, isBackwards);
    const order = isBackwards ? subjects.toReversed() : subjects;
    for (const subject of order) if (!freshState) subject.fresh();
    collect();
    constant.push(constantRound());
    const parts: number[][] = subjects.map(() => []);
    // there and back: what drifts within a round weighs on both alike
    for (const subject of against === undefined ? subjects : [...order, ...order.toReversed()]) {
      subject.sample(Math.min(20, times), freshState); // caches are cold after a memory was put back
      const part = subject.sample(against === undefined ? times : Math.ceil(times / 2), freshState);
      parts[subjects.indexOf(subject)]!.push(...part);
    }
    parts.forEach((part, i) => samples[i]!.push(part));
    await pause();
  }
  const medians = samples.map((list) => list.map(median));
  const own = medians[0]!;
  const subject = await load(source);
  const { meter, timed, clockUs } = await crossings(subject, freshState, rounds, streams, pause);
  const memory = measureGrowth(await load(source), Math.ceil(memoryExchanges / streams), 5000);
  await pause();
  const allocated = counting && (await ownAllocations(counting, named, exchanges, streams));
  const counted = countExchanges(await load(source), Math.max(20, exchanges.length));
  const swept: SweepReport[] = [];
  const likewise = { base: exchanges[0]!, streams, freshState, rounds, roundMs, pause };
  for (const one of wanted) swept.push(await sweep(source, named, one, likewise));
  const more = limits.flatMap(({ metric }) => percentileOf(metric) ?? []);
  const exchange = distribution(samples[0]!, [...new Set([...percentiles, ...more])]);
  const noise: Noise = noiseOf(constant, own, exchange);
  const report: BenchReport = {
    schema: 1,
    module: { name, sha256: module.sha256, size: module.bytes.length },
    machine: thisMachine(),
    load: sent,
    warmUp: warmUps[0]!,
    exchange,
    rounds: own,
    guest: doubted(medianOf(perExchange(meter, "callback", timed * streams)), clockUs, exchange),
    host: doubted(medianOf(perExchange(meter, "hostcall", timed * streams)), clockUs, exchange),
    stream: doubted(medianOf(perExchange(meter, "callback", timed * streams, streamCallbacks)), clockUs, exchange),
    clockUs,
    functions: functionCosts(meter, timed * rounds * streams),
    counts: scaled(counted, streams),
    ownAllocations: allocated,
    memory: { ...memory, exchanges: memory.exchanges * streams, slope: perStream(memory.slope, streams) },
    cold,
    noise,
    against:
      against === undefined
        ? undefined
        : compared(nameOfSource(against), pairedRatio(own, medians[1]!), "measured in turns in this run"),
    baseline: undefined,
    sweeps: swept,
    thresholds: [],
  };
  for (const one of subjects) one.close();
  const baseline: Baseline = {
    kind: "pwh-bench-baseline",
    schema: 2,
    module: name,
    machine: report.machine,
    load: sent,
    configuration: sha256Of(configurationBytes(plugin.configuration)),
    rounds: own,
    constant,
  };
  const complete = { ...report, baseline: then && againstBaseline(baselineFile!, then, baseline) };
  return {
    report: { ...complete, thresholds: limits.map((limit) => judge(limit, complete)) },
    baseline,
    samples: samples[0]!,
  };
}

const streamCallbacks = ["proxy_on_context_create", "proxy_on_log", "proxy_on_done", "proxy_on_delete"];

/** How the clock's price parts among functions is not known: the interval ends where none of it were theirs. */
function doubted({ value, low, high }: Estimate, clockUs: number, exchange: Distribution): Estimate {
  if (low === 0 && high === 0) return { value, low, high }; // there is nothing of it
  const most = Math.max(high, Math.min(high + clockUs, exchange.median.high));
  return { value: Math.max(0, value), low: Math.max(0, low), high: Math.max(0, most) };
}

/** Exchanges in which V8 learns about a new instance, whose code is compiled already; milliseconds, for those that take long. */
const learning = 2000;
const learningMs = 50;

/**
 * Starts what is compared again. Where a memory lies, and what V8 made of an instance, is worth up to half a percent for as long as it
 * lives: rounds on the same two share that error, and resampling them would take it for a difference of the modules.
 *
 * @param isBackwards The last is started first: who comes first is a little slower for good.
 */
async function anew(
  subjects: readonly Subject[],
  sources: readonly ModuleSource[],
  load: (from: ModuleSource) => Promise<Subject>,
  isBackwards: boolean,
): Promise<Subject[]> {
  for (const one of subjects) one.close();
  const inOrder = <T>(list: readonly T[]): readonly T[] => (isBackwards ? list.toReversed() : list);
  const started: Subject[] = [];
  for (const one of inOrder(sources)) started.push(await load(one));
  for (const one of started) {
    const until = performance.now() + learningMs;
    for (let done = 0; done < learning && performance.now() < until; done += 20) one.sample(20);
  }
  return [...inOrder(started)];
}

/** Time inside of each callback and hostcall, on a plugin of its own: the clock between them would slow the others. */
async function crossings(
  subject: Subject,
  freshState: boolean,
  rounds: number,
  streams: number,
  pause: () => Promise<void>,
) {
  const meter = new CrossingMeter();
  meter.attach(subject);
  meter.on = true;
  meter.round();
  const warm = warmUp(subject, freshState, 25, 300, 1500);
  meter.clear();
  const timed = Math.max(10, Math.min(100, Math.round(5000 / warm.timeline.at(-1)!)));
  const slowed: number[] = [];
  for (let round = 0; round < rounds; round++) {
    if (!freshState) subject.fresh();
    meter.on = false;
    subject.sample(10, freshState);
    const quick = median(subject.sample(timed, freshState));
    meter.on = true;
    meter.round();
    slowed.push(median(subject.sample(timed, freshState)) - quick);
    await pause();
  }
  meter.on = false;
  const clockUs = Math.max(0, median(slowed));
  meter.takeOff(clockUs * streams, timed * rounds);
  return { meter, timed, clockUs };
}

function functionCosts(meter: CrossingMeter, exchanges: number): FunctionCost[] {
  const used = [...meter.functions.values()].filter(({ calls }) => calls > 0);
  const costs = used.map(({ kind, name, calls, rounds }): FunctionCost => {
    // what the clock was taken for may be more than a quick function took
    const positive = rounds.map((round) => round.map((us) => Math.max(0, us)));
    const times = distribution(positive.filter((round) => round.length > 0));
    return Object.assign(times, { kind, name, callsPerExchange: calls / exchanges });
  });
  return costs.sort((a, b) => b.callsPerExchange * b.median.value - a.callsPerExchange * a.median.value);
}

function distribution(rounds: readonly Round[], wanted = percentiles): Distribution {
  const found = quantilesOf(
    rounds,
    wanted.map((one) => one / 100),
  );
  return {
    median: found[0]!,
    percentiles: Object.fromEntries(wanted.map((one, i) => [`p${one}`, found[i]!])),
    max: rounds.reduce((most, round) => round.reduce((a, b) => Math.max(a, b), most), 0),
    samples: rounds.reduce((sum, round) => sum + round.length, 0),
  };
}

function noiseOf(constant: readonly number[], own: readonly number[], exchange: Distribution): Noise {
  const spread = relativeSpread(constant);
  const { value, low, high } = exchange.median;
  const half = (high - low) / 2 / value;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const tooNoisy =
    half > 0.05
      ? `the median is known to ± ${percent(half)} only`
      : spread > 0.1
        ? `the constant workload scattered by ${percent(spread)}`
        : undefined;
  return { constantUs: median(constant), spread, toConstant: pairedRatio(own, constant), tooNoisy };
}

/** Median microseconds of the constant workload in one round. */
function constantRound(): number {
  const times: number[] = [];
  let sink = 0;
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    sink ^= constantWork();
    times.push((performance.now() - start) * 1000);
  }
  if (Number.isNaN(sink)) throw new Error("The constant workload was not done");
  return median(times);
}

/** One piece of work is as many exchanges as streams are in flight. */
function scaled<T extends { readonly byHostcall: Readonly<Record<string, number>> }>(counts: T, streams: number): T {
  const divided = (value: unknown): unknown => (typeof value === "number" ? value / streams : value);
  const entries = (from: object): object =>
    Object.fromEntries(Object.entries(from).map(([key, value]) => [key, divided(value)]));
  return { ...(entries(counts) as T), byHostcall: entries(counts.byHostcall) as Record<string, number> };
}

const perStream = ({ value, low, high }: { value: number; low: number; high: number }, streams: number) => ({
  value: value / streams,
  low: low / streams,
  high: high / streams,
});

/** Collects what was restored away, so that no round pays for another's memories. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

function whole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  refuse(`Cannot use ${name} ${value}: it is a whole number from ${least} to ${most}`);
}

function refuse(message: string): never {
  throw new HarnessError("OPTION_INVALID", message);
}
