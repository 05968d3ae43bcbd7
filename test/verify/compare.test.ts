import { describe, expect, test } from "vitest";
import { compareRecordings } from "../../src/verify/envoy/compare.js";
import type { Recording } from "../../src/verify/envoy/recording.js";

const base: Recording = {
  envoy: "1.40.0",
  started: true,
  exit: 0,
  log: [{ level: "info", prefix: "r", message: "a" }],
  clients: [{ proto: "http1", end: "complete", status: 200, headers: [["a", "1"]] }],
  upstream: {},
  access: [],
};

describe("compareRecordings()", () => {
  test("the release is not compared", () => {
    expect(compareRecordings(base, { ...base, envoy: "1.36.4" })).toEqual([]);
  });

  test("names the first place of each part, the guest's before the client's", () => {
    const other: Recording = {
      ...base,
      log: [...base.log, { level: "info", prefix: "r", message: "b" }],
      clients: [{ proto: "http1", end: "complete", status: 200, headers: [["a", "2"]] }],
    };
    expect(compareRecordings(base, other)).toEqual([
      {
        part: "log",
        where: "log[1]",
        expected: undefined,
        actual: { level: "info", prefix: "r", message: "b" },
      },
      { part: "clients", where: "clients[0].headers[0][1]", expected: "1", actual: "2" },
    ]);
  });

  test("unstable parts are left out", () => {
    const other: Recording = { ...base, log: [], exit: "SIGSEGV" };
    const differences = compareRecordings(base, other, { unstable: { log: "two threads" } });
    expect(differences.map(({ part }) => part)).toEqual(["exit"]);
  });
});
