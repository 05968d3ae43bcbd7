// Every scenario that was recorded of a real Envoy, played to our own proxy. What is known to differ stands in a file of its own,
// each with the reason; what stands there without need fails.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { profiles } from "../../src/proxy/envoy/profiles.js";
import { readRecordings, recordingGroups } from "../../src/verify/envoy/store.js";
import { replayAgainst } from "../../src/verify/replay/against.js";

/** By group and scenario: the reason, or one for each release that differs. */
type Known = Readonly<Record<string, Readonly<Record<string, string | Readonly<Record<string, string>>>>>>;
const known = JSON.parse(readFileSync(new URL("known-differences.json", import.meta.url), "utf8")) as Known;

const releases = profiles.filter(({ recorded }) => recorded).map(({ release }) => release);

const reasonOf = (group: string, name: string, release: string): string | undefined => {
  const reason = known[group]?.[name];
  return typeof reason === "object" ? reason[release] : reason;
};

describe.each(recordingGroups())("%s", (group) => {
  const entries = readRecordings(group);

  test.each(entries.map((entry) => [entry.name, entry] as const))("%s", async (name, entry) => {
    for (const release of releases) {
      const { differences, problem } = await replayAgainst(entry, release);
      const found = problem === undefined ? differences : [problem];
      if (reasonOf(group, name, release) === undefined) expect(found, `as Envoy ${release}`).toEqual([]);
      else expect(found, `equal as Envoy ${release}: remove it from known-differences.json`).not.toEqual([]);
    }
  });

  test("known differences are of scenarios that exist", () => {
    const names = new Set(entries.map(({ name }) => name));
    expect(Object.keys(known[group] ?? {}).filter((name) => !names.has(name))).toEqual([]);
  });
});
