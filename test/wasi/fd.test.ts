// Output and what libraries ask of file descriptors. proxy-wasm-abi.md §4.14
import { describe, expect, test } from "vitest";
import type { RelayGuest } from "../../src/harness/relay.js";
import { relay } from "../../src/harness/relay.js";
import { request } from "../host/support.js";
import { end, Errno, inBothModules } from "./support.js";

/** Lays vectors at 1000 for these texts, which go to 2000 and behind. */
function vectors(guest: RelayGuest, texts: readonly string[]): void {
  let at = 2000;
  for (const [i, text] of texts.entries()) {
    guest.writeU32(1000 + 8 * i, at);
    guest.writeU32(1004 + 8 * i, text.length);
    at += guest.write(at, text);
  }
}
const lines = (guest: RelayGuest): string[] => guest.plugin.logs.map((record) => record.toString());

inBothModules("fd_write", (as) => {
  function write(guest: RelayGuest, fd: number, texts: readonly string[]): number {
    vectors(guest, texts);
    return guest.call(as("fd_write"), fd, 1000, texts.length, 100);
  }

  test.each([
    { fd: 1, errno: 0, logged: ["[info] wasm log: hi"] },
    { fd: 2, errno: 0, logged: ["[error] wasm log: hi"] },
    { fd: 0, errno: Errno.badf, logged: [] },
    { fd: 3, errno: Errno.badf, logged: [] },
    { fd: -1, errno: Errno.badf, logged: [] },
  ])("to $fd answers $errno", async ({ fd, errno, logged }) => {
    const guest = await relay();
    expect(write(guest, fd, ["hi"])).toBe(errno);
    expect(lines(guest)).toEqual(logged);
    expect(guest.text(100, 4)).toBe(errno === 0 ? "\x02\0\0\0" : "????");
  });

  test.each([
    { claim: "pieces are joined", texts: ["a", "", "bc"], line: "abc", written: 3 },
    { claim: "one newline at the end is cut, and counts as written", texts: ["a\n", "\n"], line: "a\n", written: 3 },
    { claim: "newlines within stay", texts: ["a\nb"], line: "a\nb", written: 3 },
    { claim: "a newline alone is an empty line", texts: ["\n"], line: "", written: 1 },
  ])("$claim", async ({ texts, line, written }) => {
    const guest = await relay();
    expect(write(guest, 1, texts)).toBe(0);
    expect(guest.plugin.logs.map(({ message }) => message)).toEqual([line]);
    expect(guest.u32(100)).toBe(written);
  });

  test.each([{ texts: [] }, { texts: ["", ""] }])("nothing to write logs nothing: $texts", async ({ texts }) => {
    const guest = await relay();
    expect(write(guest, 1, texts)).toBe(0);
    expect([lines(guest), guest.u32(100)]).toEqual([[], 0]);
  });

  test("each write is a record; nothing is kept for the next", async () => {
    const guest = await relay();
    for (const text of ["pan", "ic\n", "x"]) write(guest, 2, [text]);
    expect(guest.plugin.logs.map(({ message }) => message)).toEqual(["pan", "ic", "x"]);
  });

  test("the file descriptor is looked at first, then the vectors", async () => {
    const guest = await relay();
    expect(guest.call(as("fd_write"), 3, end, 1, end)).toBe(Errno.badf);
    expect(guest.call(as("fd_write"), 1, end - 7, 1, 100)).toBe(Errno.fault);
    expect(guest.call(as("fd_write"), 1, end, 0, 100)).toBe(0);
  });

  test("a vector with data outside the memory is a fault; nothing is logged or written", async () => {
    const guest = await relay();
    vectors(guest, ["ok", "x"]);
    guest.writeU32(1008, end);
    expect(guest.call(as("fd_write"), 1, 1000, 2, 100)).toBe(Errno.fault);
    expect([lines(guest), guest.text(100, 4)]).toEqual([[], "????"]);
  });

  test("the address of an empty vector is not looked at", async () => {
    const guest = await relay();
    vectors(guest, ["", "x"]);
    guest.writeU32(1000, 0xffffffff);
    expect(guest.call(as("fd_write"), 1, 1000, 2, 100)).toBe(0);
  });

  test("a bad place for the count is a fault after the line was logged", async () => {
    const guest = await relay();
    vectors(guest, ["x"]);
    expect(guest.call(as("fd_write"), 1, 1000, 1, end - 3)).toBe(Errno.fault);
    expect(lines(guest)).toEqual(["[info] wasm log: x"]);
  });

  test("2^32 - 1 vectors are a fault, and soon", async () => {
    const guest = await relay();
    guest.vm.memory.whole.fill(0);
    expect(guest.call(as("fd_write"), 1, 0, -1, 100)).toBe(Errno.fault);
  });

  test("fd_pwrite is the same, its offset being ignored", async () => {
    const guest = await relay();
    vectors(guest, ["x\n"]);
    expect(guest.call(as("fd_pwrite"), 2, 1000, 1, -1n, 100)).toBe(0);
    expect([lines(guest), guest.u32(100)]).toEqual([["[error] wasm log: x"], 2]);
    expect(guest.call(as("fd_pwrite"), 0, 1000, 1, 0n, 100)).toBe(Errno.badf);
  });
});

describe("output of a stream", () => {
  test("has the stream's prefix, and the level decides whether it is kept", async () => {
    const guest = await relay({ name: "n", logLevel: "warn" });
    guest.during("proxy_on_request_headers", () => {
      vectors(guest, ["x"]);
      guest.call("fd_write", 1, 1000, 1, 100);
      guest.call("fd_write", 2, 1000, 1, 100);
    });
    guest.plugin.openHttpStream().requestHeaders(request);
    expect(lines(guest)).toEqual(["[error] wasm log n: x"]);
  });
});

inBothModules("fd_fdstat_get and fd_tell", (as) => {
  test.each([1, 2])("fd_fdstat_get(%i): 24 bytes, the right to write alone", async (fd) => {
    const guest = await relay();
    expect(guest.call(as("fd_fdstat_get"), fd, 101)).toBe(0);
    expect(guest.text(100, 26)).toBe(`?${"\0".repeat(8)}\x40${"\0".repeat(15)}?`);
  });

  test.each([0, 3, -1])("fd_fdstat_get(%i) and fd_tell answer 8", async (fd) => {
    const guest = await relay();
    expect([guest.call(as("fd_fdstat_get"), fd, 100), guest.call(as("fd_tell"), fd, 100)]).toEqual([8, 8]);
    expect(guest.text(100, 24)).toBe("?".repeat(24));
  });

  test("fd_fdstat_get ignores a bad address", async () => {
    const guest = await relay();
    for (const address of [end - 23, end, -1]) expect(guest.call(as("fd_fdstat_get"), 1, address)).toBe(0);
    expect(guest.text(end - 23, 23)).toBe("?".repeat(23));
    expect(guest.call(as("fd_fdstat_get"), 1, end - 24)).toBe(0);
    expect(guest.text(end - 24, 24)).not.toContain("?");
  });

  test("fd_tell writes 0 as u64; the descriptor is looked at first", async () => {
    const guest = await relay();
    expect(guest.call(as("fd_tell"), 1, 101)).toBe(0);
    expect(guest.text(100, 10)).toBe(`?${"\0".repeat(8)}?`);
    expect([guest.call(as("fd_tell"), 2, end - 7), guest.call(as("fd_tell"), 0, end)]).toEqual([Errno.fault, 8]);
  });
});

inBothModules("fd_close, fd_seek, proc_exit", (as) => {
  test("only log, at trace, and the guest goes on", async () => {
    const guest = await relay({ logLevel: "trace" });
    expect([guest.call(as("fd_close"), 5), guest.call(as("fd_seek"), 1, 0n, 0, 100)]).toEqual([0, 0]);
    guest.call(as("proc_exit"), 3);
    expect(guest.call("proxy_get_current_time_nanoseconds", 200)).toBe(0);
    expect([guest.plugin.logs.map(({ level }) => level), guest.vm.failed]).toEqual([[0, 0, 0], false]);
    expect(guest.text(100, 8)).toBe("????????");
  });
});
