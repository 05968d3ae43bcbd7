#!/usr/bin/env node
import { parseArgs } from "node:util";
import { messageOf } from "../../errors.js";
import { compareRecordings, type Difference } from "../envoy/compare.js";
import { baseRelease, readRecordings, type RecordedScenario, recordingGroups } from "../envoy/store.js";
import { replay } from "./replay.js";

const usage = `Usage: node dist/verify/replay/all.js [group] [name...] [--diff] [--all]

Plays the scenarios of test/recordings/ to our own proxy and compares it with what is recorded of Envoy ${baseRelease}.
Prints how many are equal, by group; with a group also the names of those that are not.

  --diff   The first difference of each part, side by side, and what led to it
  --all    With a name: the whole replay as JSON`;

interface Result {
  readonly entry: RecordedScenario;
  readonly differences: readonly Difference[];
  readonly problem?: string;
  readonly replayed?: unknown;
}

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      diff: { type: "boolean", default: false },
      all: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [only, ...names] = positionals;
  const groups = only === undefined || only === "." ? recordingGroups() : [only];
  let [equal, total] = [0, 0];
  for (const group of groups) {
    const results: Result[] = [];
    for (const entry of readRecordings(group)) {
      if (names.length === 0 || names.includes(entry.name)) results.push(await play(entry));
    }
    const different = results.filter(({ differences, problem }) => problem !== undefined || differences.length > 0);
    equal += results.length - different.length;
    total += results.length;
    console.log(`${group.padEnd(14)} ${results.length - different.length}/${results.length}`);
    for (const result of different) {
      if (only !== undefined) console.log(`  ${result.entry.name}: ${summary(result)}`);
      if (values.diff) show(result);
    }
    if (values.all) for (const { replayed } of results) console.log(JSON.stringify(replayed, undefined, 1));
  }
  console.log(`${equal} of ${total} equal`);
  return equal < total ? 1 : 0;
}

async function play(entry: RecordedScenario): Promise<Result> {
  const expected = entry.recorded[baseRelease];
  if (expected === undefined) return { entry, differences: [], problem: `not recorded on ${baseRelease}` };
  try {
    const replayed = await replay(entry.scenario);
    return { entry, replayed, differences: compareRecordings(expected, replayed, entry.scenario) };
  } catch (thrown) {
    return { entry, differences: [], problem: messageOf(thrown) };
  }
}

const summary = ({ differences, problem }: Result): string =>
  problem ?? differences.map(({ where }) => where).join(", ");

const around = 6;

function show({ entry, differences, replayed }: Result): void {
  console.log(`    ${entry.doc}\n    ${JSON.stringify(entry.scenario)}`);
  for (const { where, expected, actual } of differences) {
    const [, name, at] = /^(log|main|shutdown)\[(\d+)\]/.exec(where) ?? [];
    if (name !== undefined) {
      const lines = (replayed as Record<string, readonly unknown[]>)[name] ?? [];
      for (const line of lines.slice(Math.max(0, Number(at) - around), Number(at))) console.log(`      ${text(line)}`);
    }
    console.log(`    ${where}\n    - ${text(expected)}\n    + ${text(actual)}`);
  }
}

const text = (value: unknown): string => JSON.stringify(value) ?? "absent";

process.exitCode = await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown);
  return 2;
});
