import fc from "fast-check";
import { HarnessError } from "../errors.js";
import type { FilterOptions } from "../harness/proxy-options.js";
import type { ReachedCode } from "../vm/coverage.js";
import { Coverage } from "../vm/coverage.js";
import { caseItself } from "./arbitraries.js";
import { BlindSearch } from "./blind-search.js";
import type { FuzzCase } from "./case.js";
import { causeOf } from "./cause.js";
import { ConfigurationHunt } from "./configuration.js";
import type { ForeignFile } from "./corpus/corpus.js";
import { openStore } from "./corpus/store.js";
import type { Hints } from "./generate/vocabulary.js";
import type { Descendant } from "./guided/guide.js";
import type { GuidedProgress } from "./guided/guided-hunt.js";
import { GuidedHunt } from "./guided/guided-hunt.js";
import type { CaseSource, SearchedCase } from "./hunt.js";
import { Hunt } from "./hunt.js";
import { notStarted, startFailures } from "./not-started.js";
import { CallbackHunt, illegalCallbacks, legalCallbacks } from "./raw/callback-hunt.js";
import { Player } from "./player.js";
import type { FuzzProperty, Violation } from "./properties.js";
import type { GivenPlayers } from "./given-properties.js";
import { givenPlayers, givenProperties, noPlayers } from "./given-properties.js";
import { propertiesNamed } from "./properties.js";
import type { PropertyModule } from "./property-module.js";
import { propertiesOf } from "./property-module.js";
import type { Shard } from "./shard.js";
import { sharedRuns, wholeSearch } from "./shard.js";
import type { SideHunt } from "./side-hunt.js";
import { sideShare } from "./side-hunt.js";
import { wordsIn } from "./words.js";

export interface FuzzOptions extends Omit<FilterOptions, "coverage"> {
  /** Follows coverage: what reaches new code is kept and changed further. Default: false; true with `corpus`. */
  readonly coverage?: boolean;
  /**
   * A corpus to begin with and to add to: a directory, made when there is none, or `s3://bucket/prefix`. What others add
   * meanwhile is played too. Default: the corpus ends with the run.
   */
  readonly corpus?: string;
  /** Which of all runs are played here. Default: all. */
  readonly shard?: Shard;
  /** Names of properties to check. Default: those that hold for any sane filter. */
  readonly property?: readonly string[];
  /** Properties of your own, checked besides. */
  readonly properties?: readonly FuzzProperty[];
  /** Modules with further ones: functions cannot be handed to `workers`, each of which loads them by itself. */
  readonly propertyModules?: readonly PropertyModule[];
  /** Requests depend on those before them on purpose (caches, rate limits): leaves out `isolated`. Default false. */
  readonly stateful?: boolean;
  /** Hostcalls fail, and the guest's allocator, in a third of the cases: the nth call answers a status and does nothing. Default false. */
  readonly faults?: boolean;
  /** Headers that the plugin may add, change and remove: checks `declared-headers-only`. */
  readonly declared?: readonly string[];
  /** Releases of Envoy, as `createProxy` takes them: checks `profiles-agree` between them and the newest recorded. */
  readonly profiles?: readonly string[];
  /** Default 1. */
  readonly seed?: number;
  /** Cases to play, those for shrinking apart, over all shards together. Default 10,000. */
  readonly runs?: number;
  /** Milliseconds of real time. Default 20,000. */
  readonly timeMs?: number;
  /** Ends when so many different causes were found. Default 5. */
  readonly maxFailures?: number;
  /** Milliseconds that the plugin may take for one case. Default 500. */
  readonly budgetMs?: number;
  /** Plays this one again: the path of a finding, found with the same seed and options. */
  readonly path?: string;
  /** The release of Envoy to be, as `createProxy` takes it. Default: the newest recorded. */
  readonly envoy?: string;
  /** Words to try instead of those in the plugin's memory; bodies that it is meant to read, and their schemas. */
  readonly hints?: Hints;
  /** Threads that search at the same time, each some of the runs. Default 1, which is this thread. */
  readonly workers?: number;
  /** Told of each finding when it was shrunk. */
  readonly onFinding?: (finding: Finding) => void;
  /** Told after each slice of runs. */
  readonly onProgress?: (progress: FuzzProgress) => void;
  /** Ends the run; the report tells of what was found until then. */
  readonly signal?: AbortSignal;
}

export interface FuzzProgress {
  readonly runs: number;
  readonly findings: number;
  readonly elapsedMs: number;
  /** Where coverage is followed. */
  readonly coverage?: GuidedProgress;
}

/** One cause, with the smallest input that was found for it. */
export interface Finding extends Violation {
  readonly property: string;
  /** Undefined for a finding about configurations. */
  readonly case: FuzzCase | undefined;
  /** The configuration that did it; undefined for the given one. */
  readonly configuration: string | undefined;
  readonly seed: number;
  /** With the seed it gives the same input again. */
  readonly path: string;
  readonly shrinks: number;
  /** Run in which it was first met, and milliseconds until then. */
  readonly run: number;
  readonly foundAfterMs: number;
  readonly lastCalls: readonly string[];
}

export interface FuzzReport {
  readonly seed: number;
  /** Cases that were generated. */
  readonly runs: number;
  readonly findings: readonly Finding[];
  /** Names of the properties that were checked. */
  readonly properties: readonly string[];
  readonly elapsedMs: number;
  /** Names of properties that speak of some requests, of which none came. */
  readonly unmatched?: readonly string[];
  /** Milliseconds by what they were spent on; `other` is generation, checking and shrinking. `played` counts cases with those of comparisons. */
  readonly spent: {
    readonly played: number;
    readonly playMs: number;
    readonly restoreMs: number;
    readonly otherMs: number;
  };
  /** Where coverage is followed. */
  readonly coverage?: GuidedProgress;
  /** What of the module was reached, to be joined with what others reached. */
  readonly reached?: ReachedCode;
  /** What lies in the corpus' directory and is none of a corpus; left as it is. */
  readonly foreignFiles?: readonly ForeignFile[];
  /** Why it ended. */
  readonly ended: "runs" | "time" | "failures" | "stopped" | "replayed";
}

/** Cases between two looks at the clock, at the signal and at whoever wants progress. */
const slice = 500;
/** Milliseconds of such a slice: a terminal that is told seldom looks dead. */
const sliceMs = 250;

/**
 * Looks for requests, answers and configurations that break properties of a plugin; each is shrunk to the smallest.
 *
 * @throws {HarnessError} What is wrong with the module or the options; a plugin that does not start
 *   with the given configuration is a finding.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { workers = 1, ...each } = options;
  if (workers === 1 || options.path !== undefined) return fuzzWith(each, undefined);
  const { fuzzInWorkers } = await import("./workers.js");
  return fuzzInWorkers(each, workers);
}

/** Others on this machine who search the same with the same seed, at the same time. */
export interface Peers {
  /** Cases that they kept, since this was asked last. */
  takeCases(): readonly Descendant[];
  /** What they found, as a hunt knows causes, since this was asked last. */
  takeCauses(): readonly string[];
  kept(made: Descendant): void;
  found(finding: Finding): void;
}

/** As `fuzz`, beside others. */
export async function fuzzWith(options: FuzzOptions, peers: Peers | undefined): Promise<FuzzReport> {
  const {
    seed = 1,
    runs = 10_000,
    timeMs = 20_000,
    maxFailures = 5,
    budgetMs = 500,
    path,
    signal,
    stateful = false,
    shard = wholeSearch,
  } = options;
  const filter = filterOf(options);
  const begun = performance.now();
  const elapsed = (): number => performance.now() - begun;
  const follows = options.coverage === true || options.corpus !== undefined || path?.startsWith("g") === true;
  const coverage = follows ? new Coverage() : undefined;
  const names = withoutSides(options.property);
  propertiesNamed(names, givenProperties(noPlayers)); // a wrong name is told before anything starts
  const own = [...(options.properties ?? []), ...(await propertiesOf(options.propertyModules))];
  let lists: GivenPlayers | undefined;
  let player: Player;
  try {
    lists = await givenPlayers(filter, { ...options, names, budgetMs, seed });
    player = await Player.create(
      { ...filter, ...(coverage && { coverage }) },
      { budgetMs, seed, faults: options.faults === true, ...(options.envoy !== undefined && { envoy: options.envoy }) },
    );
  } catch (thrown) {
    lists?.close();
    if (!(thrown instanceof HarnessError) || !startFailures.has(thrown.code)) throw thrown;
    const report = notStarted(thrown, seed, elapsed());
    for (const one of report.findings) {
      peers?.found(one);
      options.onFinding?.(one);
    }
    return report;
  }
  const checked = [...propertiesNamed(names, givenProperties(lists)), ...own].filter(
    ({ name }) => !stateful || name !== "isolated",
  );
  const wanted = checked.flatMap(({ requests = [] }) => requests);
  const hints = {
    words: wordsIn(player.memory, options.configuration),
    ...options.hints,
    ...(wanted.length > 0 && { requests: wanted }),
  };
  const findings: Finding[] = [];
  const hunt = new Hunt(player, withOnly(options.property, checked, own));
  const sides = new Map<string, SideHunt>();
  for (const name of options.property ?? [configurationRobust]) {
    const letter = sideLetters.get(name);
    if (letter === undefined) continue;
    const given = { seed, budgetMs, shard, hints };
    sides.set(
      letter,
      letter === "c" ? new ConfigurationHunt(filter, given) : await CallbackHunt.create(filter, name, given),
    );
  }
  const settings = player.faults?.settings ?? {};
  const corpus = options.corpus === undefined ? undefined : await openStore(options.corpus);
  const mine = sharedRuns(shard, runs);
  const guided = coverage && (await GuidedHunt.create(coverage, { seed, hints, settings, corpus, shard }));
  if (guided !== undefined && peers !== undefined) guided.onKept = (made) => peers.kept(made);
  const source: CaseSource = guided ?? new BlindSearch(seed, hints, settings, shard);
  const done = (): FuzzReport["ended"] | undefined => {
    if (signal?.aborted === true) return "stopped";
    if (findings.length >= maxFailures) return "failures";
    if (elapsed() > timeMs) return "time";
    return source.at >= mine ? "runs" : undefined;
  };
  const tellOf = (finding: Finding): void => {
    peers?.found(finding);
    options.onFinding?.(finding);
  };
  /** Makes a case smaller that breaks something, and tells it. @param parameters How far, or which of the smaller ones. */
  const examine = ({ case: broken, run, lineage }: SearchedCase, parameters: fc.Parameters<[FuzzCase]>): void => {
    const details = fc.check(
      fc.property(caseItself(broken), (one) => hunt.holds(one)),
      { seed, ...parameters },
    );
    if (hunt.found === undefined) return;
    // what broke once and not again, for its time is another when it is watched alone, is told as it was
    const given = details.failed ? details.counterexample![0] : broken;
    const violation = (details.failed ? hunt.look(given) : undefined) ?? hunt.found.violation;
    const choices = details.failed ? details.counterexamplePath!.replace(/^\d+/, "") : "";
    findings.push({
      ...violation,
      property: hunt.found.property,
      case: given,
      configuration: undefined,
      seed,
      path: `${lineage}${choices}`,
      shrinks: details.numShrinks,
      run,
      foundAfterMs: hunt.found.at - begun,
      lastCalls: player.lastCalls(),
    });
    hunt.known.add(causeOf(findings.at(-1)!));
    tellOf(findings.at(-1)!);
  };
  const tellOfSide = (found: Finding | undefined): void => {
    if (found === undefined) return;
    findings.push({ ...found, foundAfterMs: found.foundAfterMs - begun });
    tellOf(findings.at(-1)!);
  };
  let ended: FuzzReport["ended"] | undefined;
  let replayed = 0;
  try {
    if (path !== undefined) {
      const [, lineage, choices] = pathPattern.exec(path) ?? [];
      if (lineage === undefined)
        throw new HarnessError("OPTION_INVALID", `Cannot replay "${path}": a path is numbers with colons, as 17:0:3`);
      ended = "replayed";
      replayed = 1;
      if (sides.has(lineage[0]!) || /^[cli]/.test(lineage)) {
        tellOfSide(await sides.get(lineage[0]!)?.replay(path.slice(1)));
      } else if (lineage !== "s") {
        const run = Number(/(?:^g?|\.)(\d+)(?:-\d+)*$/.exec(lineage)?.[1] ?? 0);
        const root = { case: source.caseOf(lineage), run, lineage };
        for (const thorough of [false, true]) {
          hunt.begin();
          hunt.thorough = thorough;
          // as it was found: what broke there is what the choices were about
          source.apart(() => hunt.look(root.case));
          source.apart(() => examine(root, { path: `0${choices}`, endOnFailure: true }));
          if (findings.length > 0) break;
        }
      }
    }
    while ((ended ??= done()) === undefined) {
      const broken = source.next(
        Math.min(slice, mine - source.at),
        Math.min(sliceMs, timeMs - elapsed()),
        player,
        hunt,
      );
      if (broken !== undefined) {
        const left = Math.max(1, timeMs - elapsed());
        source.apart(() => examine(broken, { numRuns: 1, interruptAfterTimeLimit: left }));
      }
      await source.save();
      if (peers !== undefined) {
        for (const cause of peers.takeCauses()) hunt.known.add(cause);
        guided?.receive(peers.takeCases());
      }
      for (const side of sides.values())
        if (done() === undefined && !side.over && side.spentMs < elapsed() * sideShare) tellOfSide(await side.next());
      options.onProgress?.({
        runs: source.at,
        findings: findings.length,
        elapsedMs: elapsed(),
        ...(guided && { coverage: guided.progress }),
      });
      await new Promise((resolve) => setImmediate(resolve)); // lets signals arrive
    }
    for (const side of sides.values()) while (!side.over && done() === "runs") tellOfSide(await side.next());
  } finally {
    player.close();
    lists.close();
    for (const side of sides.values()) side.close();
  }
  const elapsedMs = elapsed();
  const { cases: played, playMs, restoreMs } = player.spent;
  const unmatched = own.flatMap(({ name, matched }) => (matched === 0 ? [name] : []));
  return {
    seed,
    runs: source.at + replayed,
    findings,
    properties: [
      ...checked.map(({ name }) => name),
      ...(options.property ?? [configurationRobust]).filter((name) => sideLetters.has(name)),
    ],
    elapsedMs,
    ...(unmatched.length > 0 && { unmatched }),
    spent: { played, playMs, restoreMs, otherMs: elapsedMs - playMs - restoreMs },
    ...(guided && { coverage: guided.progress, reached: coverage!.reached(), foreignFiles: guided.foreign }),
    ended: ended ?? "runs",
  };
}

/** "s" for the start; a run, or a lineage behind "g", or a run of configurations behind "c", of callbacks behind "l" and "i"; then the choices of the shrinker. */
const pathPattern = /^(s|[cli]?\d+|g[\d@a-f+_.-]+)((?::\d+)*)$/;
const configurationRobust = "configuration-robust";
/** Properties that are not about exchanges, with the letter that the path of a finding begins with. */
const sideLetters: ReadonlyMap<string, string> = new Map([
  [configurationRobust, "c"],
  [legalCallbacks, "l"],
  [illegalCallbacks, "i"],
]);
const withoutSides = (names: readonly string[] | undefined): string[] =>
  (names ?? []).filter((name) => !sideLetters.has(name));
/** Only such were asked for: nothing else is to be checked. */
const withOnly = (
  names: readonly string[] | undefined,
  checked: readonly FuzzProperty[],
  own: readonly FuzzProperty[] = [],
): readonly FuzzProperty[] =>
  names !== undefined && names.length > 0 && names.every((name) => sideLetters.has(name)) ? own : checked;

/** What is left for the proxy, which refuses options that it does not know. */
function filterOf(options: FuzzOptions): FilterOptions {
  const filter: Partial<Record<keyof FuzzOptions, unknown>> = { ...options };
  for (const name of ownOptions) delete filter[name];
  return filter as unknown as FilterOptions;
}

const ownOptions = [
  "property",
  "properties",
  "propertyModules",
  "stateful",
  "coverage",
  "corpus",
  "shard",
  "faults",
  "declared",
  "profiles",
  "seed",
  "runs",
  "timeMs",
  "maxFailures",
  "budgetMs",
  "path",
  "hints",
  "workers",
  "onFinding",
  "onProgress",
  "signal",
  "envoy",
] as const satisfies readonly Exclude<keyof FuzzOptions, Exclude<keyof FilterOptions, "coverage">>[];
