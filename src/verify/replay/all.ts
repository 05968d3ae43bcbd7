#!/usr/bin/env node
import { parseArgs } from "node:util";
import { baseRelease, readRecordings, recordingGroups } from "../envoy/store.js";
import { isEqual, type Outcome, replayAgainst, summary } from "./against.js";

const usage = `Usage: node dist/verify/replay/all.js [group] [name...] [--envoy RELEASE] [--diff] [--all]

Plays the scenarios of test/recordings/ to our own proxy and compares it with what is recorded of an Envoy.
Prints how many are equal, by group; with a group also the names of those that are not.

  --envoy  The release to be and to compare with: ${baseRelease}
  --diff   The first difference of each part, side by side, and what led to it
  --all    With a name: the whole replay as JSON`;

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      envoy: { type: "string", default: baseRelease },
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
    const results: Outcome[] = [];
    for (const entry of readRecordings(group)) {
      if (names.length === 0 || names.includes(entry.name)) results.push(await replayAgainst(entry, values.envoy));
    }
    const different = results.filter((result) => !isEqual(result));
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

const around = 6;

function show({ entry, differences, replayed }: Outcome): void {
  console.log(`    ${entry.doc}\n    ${JSON.stringify(entry.scenario)}`);
  for (const { where, expected, actual } of differences) {
    const [, name, at] = /^(log|main|shutdown)\[(\d+)\]/.exec(where) ?? [];
    if (name !== undefined) {
      const lines = replayed?.[name as "log"] ?? [];
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
