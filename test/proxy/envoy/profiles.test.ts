// Releases and what differs between them: behaviour reference, section 0, and deployment reference, section 10.
import { describe, expect, test } from "vitest";
import { newestProfile, profileOf, profiles } from "../../../src/proxy/envoy/profiles.js";

test("there is a profile for each minor release from 1.40 to 1.19, four of them recorded", () => {
  expect(profiles.map(({ release }) => Number(release.split(".")[1]))).toEqual(
    Array.from({ length: 22 }, (_, i) => 40 - i),
  );
  expect(profiles.filter(({ recorded }) => recorded).map(({ release }) => release)).toEqual([
    "1.40.0",
    "1.39.3",
    "1.38.2",
    "1.36.4",
  ]);
  expect(newestProfile.release).toBe("1.40.0");
});

describe("profileOf()", () => {
  test.each([
    ["1.40", "1.40.0"],
    ["1.36.4", "1.36.4"],
    ["v1.38.1", "1.38.2"],
    ["1.27.3", "1.27"],
    ["istio-1.11", "1.19"],
    ["istio-1.11.2", "1.19"],
    ["istio-1.25", "1.33"],
    ["Istio-1.31", "1.39.3"],
  ])("%s is Envoy %s", (name, release) => {
    expect(profileOf(name).release).toBe(release);
  });

  test.each(["1.18", "1.41", "2.0", "istio-1.10", "istio-1.32", "newest", "", "140"])("refuses %j", (name) => {
    expect(() => profileOf(name)).toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: expect.stringMatching(/there are 1\.19 to 1\.40, and istio-1\.11 to istio-1\.31$/),
      }),
    );
  });

  test("suggests the release that was meant", () => {
    expect(() => profileOf("1,38")).toThrow('did you mean "1.38"?');
  });
});

describe("section 0, recorded differences", () => {
  test.each([
    ["1.40", "1.39", "passesStreamDuration", false, true],
    ["1.39", "1.38", "forwardsAddedData", true, false],
    ["1.39", "1.38", "countsVms", true, false],
    ["1.39", "1.38", "loggersShareRoots", true, false],
    ["1.38", "1.37", "explainsRefusal", false, true],
    ["1.38", "1.37", "passesKeepAlive", false, true],
    ["1.37", "1.36", "resetCode", 2, 0],
    ["1.37", "1.36", "filterStateOfEffective", true, false],
    ["1.37", "1.36", "signs", true, false],
    ["1.37", "1.36", "headersBytes", true, false],
    ["1.35", "1.34", "hasAllowStop", true, false],
    ["1.33", "1.32", "hasFailurePolicy", true, false],
    ["1.33", "1.32", "showsNewBytes", true, false],
    ["1.33", "1.32", "repeatsLocalReplies", true, false],
    ["1.33", "1.32", "topLevelXds", false, true],
    ["1.33", "1.32", "clearsRouteCache", true, false],
    ["1.20", "1.19", "metricPrefix", "wasmcustom.", ""],
  ] as const)("from %s, not %s: %s", (from, before, member, now, then) => {
    expect(profileOf(from)[member]).toBe(now);
    expect(profileOf(before)[member]).toBe(then);
  });

  test("WASI: all from 1.39, 18 before, 15 before 1.33, 12 before 1.21", () => {
    expect(
      ["1.39", "1.38", "1.33", "1.32", "1.21", "1.20"].map((one) => profileOf(one).host.wasiFunctions?.size),
    ).toEqual([undefined, 18, 18, 15, 15, 12]);
  });

  test("backtraces: 20 lines from 1.39, 10 before", () => {
    expect(["1.39", "1.38"].map((one) => profileOf(one).host.backtraceFrames)).toEqual([20, 10]);
  });
});
