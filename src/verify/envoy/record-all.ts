#!/usr/bin/env node
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../errors.js";
import { compareRecordings, type Difference } from "./compare.js";
import { type EnvoyBinary, findEnvoy } from "./find.js";
import { inParallel } from "./in-parallel.js";
import { record } from "./record.js";
import { formatRecorded, readRecordings, type RecordedScenario, recordingGroups, recordingsFolder } from "./store.js";

const usage = `Usage: node dist/verify/envoy/record-all.js [group...] [--envoy V] [--only REGEX] [--jobs 2] [--check]

Plays the scenarios of test/recordings/ to a real Envoy and writes what it did, or with --check compares it with what is
recorded for that release.

  --envoy PATH|VERSION  Which Envoy (default: ENVOY, PATH, the newest installed)
  --only REGEX          Only scenarios whose name matches
  --jobs N              How many at a time (default 2)
  --folder FOLDER       Another folder of recordings
  --check               Write nothing; exit with 1 if anything differs`;

interface Task {
  readonly group: string;
  readonly index: number;
  entry: RecordedScenario;
  outcome?: "same" | "new" | "changed" | "failed";
}

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      envoy: { type: "string" },
      only: { type: "string", default: "" },
      jobs: { type: "string", default: "2" },
      folder: { type: "string", default: recordingsFolder },
      check: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const binary = await findEnvoy(values.envoy);
  const only = new RegExp(values.only);
  const groups = positionals.length > 0 ? positionals : recordingGroups(values.folder);
  const tasks = groups.flatMap((group) =>
    readRecordings(group, values.folder).map((entry, index): Task => ({ group, index, entry })),
  );
  const chosen = tasks.filter(({ entry }) => only.test(entry.name));
  const began = Date.now();
  await inParallel(Math.max(1, Number(values.jobs) || 1), chosen, (task) => recordOne(task, binary));
  if (!values.check) {
    for (const group of groups) write(group, tasks, values.folder);
  }
  const count = (outcome: Task["outcome"]) => chosen.filter((task) => task.outcome === outcome).length;
  console.log(
    `${chosen.length} scenarios on Envoy ${binary.version} in ${((Date.now() - began) / 1000).toFixed(1)} s: ` +
      `${count("same")} same, ${count("new")} new, ${count("changed")} changed, ${count("failed")} failed`,
  );
  return count("failed") > 0 || (values.check && count("same") < chosen.length) ? 1 : 0;
}

async function recordOne(task: Task, binary: EnvoyBinary): Promise<void> {
  const { name, scenario, recorded } = task.entry;
  try {
    const now = await record(scenario, { envoy: binary });
    const before = recorded[binary.version];
    const differences = before === undefined ? [] : compareRecordings(before, now, scenario);
    task.outcome = before === undefined ? "new" : differences.length > 0 ? "changed" : "same";
    if (differences.length > 0) console.log(`${name}: ${differences.map(describe).join("\n  ")}`);
    // What differs only where the scenario is unstable stays as it was.
    if (task.outcome !== "same") task.entry = { ...task.entry, recorded: { ...recorded, [binary.version]: now } };
  } catch (thrown) {
    task.outcome = "failed";
    console.log(`${name}: ${messageOf(thrown)}`);
  }
}

function describe({ where, expected, actual }: Difference): string {
  return `${where}\n    was ${JSON.stringify(expected) ?? "absent"}\n    is  ${JSON.stringify(actual) ?? "absent"}`;
}

/** Writes one group anew, in one step. */
function write(group: string, tasks: readonly Task[], folder: string): void {
  const lines = tasks
    .filter((task) => task.group === group)
    .sort((a, b) => a.index - b.index)
    .map(({ entry }) => `${formatRecorded(entry, (a, b) => compareRecordings(a, b, entry.scenario).length === 0)}\n`);
  const file = join(folder, `${group}.jsonl`);
  writeFileSync(`${file}.new`, lines.join(""));
  renameSync(`${file}.new`, file);
}

process.exitCode = await main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(messageOf(thrown));
  return 2;
});
