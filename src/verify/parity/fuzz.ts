#!/usr/bin/env node
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { HarnessError, messageOf } from "../../errors.js";
import { compareRecordings, compareUpToCrash, type Difference } from "../envoy/compare.js";
import { type EnvoyBinary, findEnvoy } from "../envoy/find.js";
import { inParallel } from "../envoy/in-parallel.js";
import { record } from "../envoy/record.js";
import type { Recording } from "../envoy/recording.js";
import type { Scenario } from "../envoy/scenario.js";
import { formatRecorded } from "../envoy/store.js";
import { profileOf } from "../../proxy/envoy/profiles.js";
import { replay } from "../replay/replay.js";
import { programs } from "./programs.js";

const usage = `Usage: npm run parity:fuzz -- [--runs 100] [--seed S] [--jobs 2] [--envoy PATH|VERSION] [--save FOLDER]

Plays random programs of the probe guest to a real Envoy and to our proxy, and compares everything. A difference is shrunk to the
smallest program that still shows one and saved as a recording.

  --runs N    Programs (default 100)
  --seed S    Where to begin (default: of the clock); printed, so that a run can be made again
  --path P    The one failure of a run before, as it was printed
  --save F    Folder for what was found (default test/recordings/found)`;

/** What became of a program on both hosts; `real` is a later run of Envoy's, when the first differed from ours. */
interface Outcome {
  readonly real: Recording;
  readonly ours: Recording;
  readonly differences: readonly Difference[];
}

/** How often Envoy may survive what is said to end it. */
const crashChances = 8;
/** How often Envoy is asked whether it does as we do now and then: what arrives at the same moment goes either way. */
const raceChances = 6;

async function play(scenario: Scenario, binary: EnvoyBinary): Promise<Outcome> {
  const real = await record(scenario, { envoy: binary });
  const ours = await replay(scenario, { profile: profileOf(binary.version) });
  const differences = compareUpToCrash(real, ours, scenario);
  if (differences.length === 0) return { real, ours, differences };
  if (typeof ours.exit === "string") {
    // what frees memory twice ends a process by chance
    for (let i = 0; i < crashChances; i++) {
      const other = await record(scenario, { envoy: binary });
      if (other.exit === ours.exit) return { real: other, ours, differences: compareUpToCrash(other, ours, scenario) };
    }
  }
  // a loaded machine may join what was sent apart: only what Envoy does twice counts
  const again = await record(scenario, { envoy: binary });
  const stable = differences.filter(({ part }) => compareRecordings(real, again).every((one) => one.part !== part));
  if (stable.length === 0) return { real: again, ours, differences: stable };
  for (let i = 0; i < raceChances; i++) {
    const other = await record(scenario, { envoy: binary });
    if (compareUpToCrash(other, ours, scenario).length === 0) return { real: other, ours, differences: [] };
  }
  return { real: again, ours, differences: stable };
}

interface Found {
  readonly seed: number;
  readonly path: string;
  readonly scenario: Scenario;
  readonly outcome: Outcome;
}

/** Runs programs from one seed until `runs` are done; a difference ends the seed, shrunk. */
async function fuzz(
  seed: number,
  runs: number,
  binary: EnvoyBinary,
  path?: string,
): Promise<{ done: number; found?: Found }> {
  let last: { scenario: Scenario; outcome: Outcome } | undefined;
  const details = await fc.check(
    fc.asyncProperty(programs(), async (scenario) => {
      const outcome = await play(scenario, binary);
      if (outcome.differences.length === 0) return true;
      last = { scenario, outcome };
      return false;
    }),
    { seed, numRuns: runs, ...(path !== undefined && { path }), interruptAfterTimeLimit: 30 * 60_000 },
  );
  if (!details.failed || last === undefined) {
    if (details.errorInstance !== null && details.errorInstance !== undefined) throw details.errorInstance;
    return { done: details.numRuns };
  }
  return { done: details.numRuns, found: { seed, path: details.counterexamplePath ?? "", ...last } };
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: "string", default: "100" },
      seed: { type: "string" },
      path: { type: "string" },
      jobs: { type: "string", default: "2" },
      envoy: { type: "string" },
      save: { type: "string", default: "test/recordings/found" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const runs = wholeNumber("runs", values.runs);
  const seed = values.seed === undefined ? Date.now() % 2 ** 31 : wholeNumber("seed", values.seed);
  const jobs = values.path === undefined ? Math.max(1, wholeNumber("jobs", values.jobs)) : 1;
  const binary = await findEnvoy(values.envoy);
  console.log(`${runs} programs on Envoy ${binary.version}, seed ${seed}`);
  const began = Date.now();
  let done = 0;
  let found = 0;
  // shares of 25 programs: each has a seed of its own, so that any of them can be run again alone
  const shares = Array.from({ length: Math.ceil(runs / share) }, (_, i) => ({
    seed: (seed + i * 7919) % 2 ** 31,
    runs: Math.min(share, runs - i * share),
  }));
  await inParallel(jobs, shares, async ({ seed: own, runs: count }) => {
    const result = await fuzz(own, count, binary, values.path);
    done += result.found === undefined ? count : result.done;
    if (result.found !== undefined) {
      found++;
      save(result.found, values.save);
    }
  });
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  console.log(`${done} programs in ${seconds} s: ${found === 0 ? "no difference" : `${found} differences`}`);
  return found === 0 ? 0 : 1;
}

const share = 25;

function save({ seed, path, scenario, outcome }: Found, folder: string): void {
  const name = `found_${seed}_${path.replaceAll(":", "_")}`;
  mkdirSync(folder, { recursive: true });
  const entry = {
    name,
    doc: `found by parity:fuzz, seed ${seed}`,
    scenario: { ...scenario, name },
    recorded: { [outcome.real.envoy]: outcome.real },
  };
  const file = join(folder, "found.jsonl");
  appendFileSync(file, `${formatRecorded(entry, () => false)}\n`);
  console.log(`\n${name}: replay with npm run parity:fuzz -- --runs ${share} --seed ${seed} --path ${path}`);
  console.log(`  ${JSON.stringify({ ...scenario, name: undefined })}`);
  for (const { where, expected, actual } of outcome.differences) {
    console.log(
      `  ${where}\n    Envoy ${JSON.stringify(expected) ?? "absent"}\n    ours  ${JSON.stringify(actual) ?? "absent"}`,
    );
  }
}

function wholeNumber(what: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new HarnessError("OPTION_INVALID", `Cannot use --${what} ${text}: it is no whole number`);
}

process.exitCode = await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(messageOf(thrown));
  return 2;
});
