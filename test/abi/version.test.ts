// What differs between versions, proxy-wasm-abi.md §1.
import { describe, expect, test } from "vitest";
import { Status } from "../../src/abi/enums.js";
import { abiMarkers, abiTraits, hostcallBelongsTo, versionedHostcalls } from "../../src/abi/version.js";

describe("abiTraits", () => {
  test.each([
    { version: "0.1.0", endOfStream: false, missing: Status.Ok, foreign: false },
    { version: "0.2.0", endOfStream: true, missing: Status.NotFound, foreign: true },
    { version: "0.2.1", endOfStream: true, missing: Status.NotFound, foreign: true },
  ] as const)("$version", ({ version, endOfStream, missing, foreign }) => {
    expect(abiTraits[version]).toMatchObject({
      version,
      headersCarryEndOfStream: endOfStream,
      missingField: missing,
      foreignFunctionCallback: foreign,
    });
  });

  test("each version has its marker", () => {
    expect(abiMarkers).toEqual({
      proxy_abi_version_0_1_0: "0.1.0",
      proxy_abi_version_0_2_0: "0.2.0",
      proxy_abi_version_0_2_1: "0.2.1",
    });
  });
});

describe("hostcallBelongsTo()", () => {
  test.each([
    { name: "proxy_log", versions: ["0.1.0", "0.2.0", "0.2.1"] },
    { name: "proxy_get_configuration", versions: ["0.1.0"] },
    { name: "proxy_continue_request", versions: ["0.1.0"] },
    { name: "proxy_continue_response", versions: ["0.1.0"] },
    { name: "proxy_clear_route_cache", versions: ["0.1.0"] },
    { name: "proxy_continue_stream", versions: ["0.2.0", "0.2.1"] },
    { name: "proxy_close_stream", versions: ["0.2.0", "0.2.1"] },
    { name: "proxy_get_log_level", versions: ["0.2.1"] },
  ])("$name belongs to $versions", ({ name, versions }) => {
    expect(
      Object.values(abiTraits)
        .filter((abi) => hostcallBelongsTo(name, abi))
        .map(({ version }) => version),
    ).toEqual(versions);
    expect(versionedHostcalls.has(name)).toBe(versions.length < 3);
  });
});
