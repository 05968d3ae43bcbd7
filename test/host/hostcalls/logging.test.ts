import { describe, expect, test } from "vitest";
import { LogLevel, Status } from "../../../src/abi/enums.js";
import { relay } from "../../../src/harness/relay.js";
import { end, exchange, held } from "../support.js";

describe("proxy_log (v0.2.1 #proxy_log)", () => {
  test.each([
    { claim: "level 0, trace", level: 0, status: Status.Ok },
    { claim: "level 5, critical", level: 5, status: Status.Ok },
    { claim: "level 6", level: 6, status: Status.BadArgument },
    { claim: "level -1", level: -1, status: Status.BadArgument },
  ])("$claim answers $status", async ({ level, status }) => {
    const guest = await relay({ logLevel: "trace" });
    guest.write(0, "hello");
    expect(guest.call("proxy_log", level, 0, 5)).toBe(status);
    expect(guest.plugin.logs.filter(({ source }) => source === "guest").map(({ message }) => message)).toEqual(
      status === Status.Ok ? ["hello"] : [],
    );
  });

  test.each([
    { claim: "the level is checked before the message", args: [6, end, 1], status: Status.BadArgument },
    { claim: "a message past the end", args: [2, end, 1], status: Status.InvalidMemoryAccess },
    { claim: "a message of 2^32 - 1 bytes", args: [2, 0, -1], status: Status.InvalidMemoryAccess },
    { claim: "an empty message past the end", args: [2, end + 1, 0], status: Status.InvalidMemoryAccess },
  ])("$claim: $status, nothing is logged", async ({ args, status }) => {
    const guest = await relay();
    expect(guest.call("proxy_log", ...args)).toBe(status);
    expect(guest.plugin.logs).toEqual([]);
  });

  test("an empty message is a line", async () => {
    const guest = await relay();
    expect(guest.call("proxy_log", 2, end, 0)).toBe(Status.Ok);
    expect(guest.plugin.logs.map(({ line }) => line)).toEqual(["wasm log: "]);
  });

  test("bytes are kept: a NUL, a newline, and what is no UTF-8", async () => {
    const guest = await relay();
    const size = guest.write(0, "a\0b\nc\xff");
    guest.call("proxy_log", 3, 0, size);
    expect(Buffer.from(guest.plugin.logs[0]!.bytes).toString("latin1")).toBe("a\0b\nc\xff");
  });

  test("a line below the host's level is dropped without a word", async () => {
    const guest = await relay({ logLevel: "warn" });
    expect(guest.call("proxy_log", LogLevel.Info, 0, 1)).toBe(Status.Ok);
    expect(guest.call("proxy_log", LogLevel.Warn, 0, 1)).toBe(Status.Ok);
    expect(guest.plugin.logs.map(({ level }) => level)).toEqual([LogLevel.Warn]);
  });

  test("the prefix is of the acting context: streams have the name, roots have not", async () => {
    const guest = await relay({ name: "n", rootId: "r", vmId: "v" });
    exchange(guest, "proxy_on_request_headers", () => guest.call("proxy_log", 2, 0, 1));
    guest.call("proxy_log", 2, 0, 1);
    expect(guest.plugin.logs.map(({ line }) => line)).toEqual(["wasm log n r v: ?", "wasm log r v: ?"]);
  });

  test("under the effective context the prefix is the stream's", async () => {
    const { guest, context } = await held({ name: "n", rootId: "r" });
    guest.inside(() => {
      guest.call("proxy_set_effective_context", context.id);
      guest.call("proxy_log", 2, 0, 1);
    });
    expect(guest.plugin.logs.map(({ line }) => line)).toEqual(["wasm log n r: ?"]);
  });
});

describe("proxy_get_log_level (v0.2.1 #proxy_get_log_level)", () => {
  test.each([
    ["trace", 0],
    ["info", 2],
    ["critical", 5],
  ] as const)("%s is %i", async (logLevel, number) => {
    const guest = await relay({ logLevel });
    expect(guest.call("proxy_get_log_level", 101)).toBe(Status.Ok);
    expect(guest.u32(101)).toBe(number);
    expect(guest.text(100, 1) + guest.text(105, 1)).toBe("??");
  });
});
