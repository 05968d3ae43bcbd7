#!/usr/bin/env node
import { readRecordings, type RecordedScenario, recordingGroups } from "../envoy/store.js";
import { isEqual, type Outcome, replayAgainst, summary } from "./against.js";

/** Rows of the conformance checklist, section 9 of `envoy-behaviour.md`. */
const rows = 115;

/** Rows that cannot be recorded on one machine. */
const unrecorded: Readonly<Record<number, string>> = {
  27: "about releases up to 1.32; nothing older than 1.36 can be had",
};

/** Rows of which a part is not recorded. */
const partly: Readonly<Record<number, string>> = {
  16: "the default of five minutes is not recorded, 0.5 s is",
  54: "up to 1.32 it hangs",
  85: "tokens 1, 2 before 1.20",
  107: "`node` before 1.33",
  114: "no `on_delete` after a late `proxy_done`: the process ends first",
};

async function main(): Promise<void> {
  const outcomes = new Map<number, Outcome[]>();
  for (const group of recordingGroups()) {
    for (const entry of readRecordings(group)) {
      if (entry.row === undefined) continue;
      const list = outcomes.get(entry.row) ?? [];
      outcomes.set(entry.row, [...list, await replayAgainst(entry)]);
    }
  }
  let equal = 0;
  for (let row = 1; row <= rows; row++) {
    const list = outcomes.get(row);
    if (list?.every(isEqual)) equal++;
    console.log(list === undefined ? [cell(row, 4), unrecorded[row] ?? "not recorded"].join("") : line(row, list));
  }
  console.log(`${equal} of ${rows} equal`);
}

function line(row: number, list: readonly Outcome[]): string {
  const names = list.map(({ entry }) => entry.name).join(" ");
  const releases = list
    .map(({ entry }) => Object.keys(entry.recorded))
    .reduce((common, one) => common.filter((release) => one.includes(release)));
  const different = list.filter((outcome) => !isEqual(outcome));
  const verdict =
    different.length === 0 ? "equal" : different.map((one) => `${one.entry.name}: ${summary(one)}`).join("; ");
  const notes = [partly[row], ...list.map(({ entry }) => unstableOf(entry))].filter((note) => note !== undefined);
  const note = notes.length === 0 ? "" : ` (${Array.from(new Set(notes)).join("; ")})`;
  return `${cell(row, 4)}${cell(names, 28)} ${cell(releases.join(" "), 30)} ${verdict}${note}`;
}

/** What of a recording is not compared because it differs between runs of a real Envoy. */
function unstableOf({ name, scenario: { unstable } }: RecordedScenario): string | undefined {
  return unstable && `${name}: not compared: ${Object.keys(unstable).join(", ")}`;
}

const cell = (text: string | number, width: number): string => String(text).padEnd(width);

await main();
