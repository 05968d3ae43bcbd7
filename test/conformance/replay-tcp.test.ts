// test/recordings/tcp.jsonl: every scenario that was recorded of Envoy 1.40.0, played to our own proxy.
import { describe, expect, test } from "vitest";
import { compareRecordings } from "../../src/verify/envoy/compare.js";
import { baseRelease, readRecordings } from "../../src/verify/envoy/store.js";
import { replay } from "../../src/verify/replay/replay.js";

/** Scenarios that are not equal yet: the place of the first difference, and why. One that becomes equal fails here. */
const knownGaps: Readonly<Record<string, { readonly where: string; readonly reason: string }>> = {
  l4_prop: {
    where: "log[20].message",
    reason: "a group of headers that is not there has to be an empty map of 4 bytes; nodes and metadata are to follow",
  },
};

const scenarios = readRecordings("tcp");

test("the group is there, whole", () => {
  expect(scenarios.length).toBeGreaterThanOrEqual(23);
  expect(Object.keys(knownGaps).filter((name) => !scenarios.some((one) => one.name === name))).toEqual([]);
});

describe(`tcp.jsonl, as Envoy ${baseRelease}`, () => {
  test.each(scenarios)("$name: $doc", async ({ name, scenario, recorded }) => {
    const differences = compareRecordings(recorded[baseRelease]!, await replay(scenario), scenario);
    const gap = knownGaps[name];
    if (gap === undefined) expect(differences).toEqual([]);
    else expect(differences.map(({ where }) => where)).toEqual([gap.where]);
  });
});
