// Every scenario that was recorded of a real Envoy, played to our own proxy. What is known to differ stands in a file of its own,
// each with the reason; what stands there without need fails.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readRecordings, recordingGroups } from "../../src/verify/envoy/store.js";
import { replayAgainst } from "../../src/verify/replay/against.js";

type Known = Readonly<Record<string, Readonly<Record<string, string>>>>;
const known = JSON.parse(readFileSync(new URL("known-differences.json", import.meta.url), "utf8")) as Known;

describe.each(recordingGroups())("%s", (group) => {
  const entries = readRecordings(group);

  test.each(entries.map((entry) => [entry.name, entry] as const))("%s", async (name, entry) => {
    const { differences, problem } = await replayAgainst(entry);
    const found = problem === undefined ? differences : [problem];
    if (known[group]?.[name] === undefined) expect(found).toEqual([]);
    else expect(found, "equal now: remove it from known-differences.json").not.toEqual([]);
  });

  test("known differences are of scenarios that exist", () => {
    const names = entries.map(({ name }) => name);
    expect(Object.keys(known[group] ?? {}).filter((name) => !names.includes(name))).toEqual([]);
  });
});
