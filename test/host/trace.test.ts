// What a trace says of a hostcall: its decoded arguments and results, for every hostcall there is.
import { describe, expect, test } from "vitest";
import type { AbiVersion } from "../../src/abi/version.js";
import { abiTraits, hostcallBelongsTo } from "../../src/abi/version.js";
import { formatEvent } from "../../src/host/trace.js";
import { relay } from "../../src/harness/relay.js";
import { prepare, sound } from "./hostcalls/sound.js";
import { end, held } from "./support.js";

describe("formatEvent()", () => {
  test.each(Object.keys(sound))("shows %s with sound arguments, with bad ones, and refused", async (name) => {
    const abi: AbiVersion = hostcallBelongsTo(name, abiTraits["0.2.1"]) ? "0.2.1" : "0.1.0";
    const { at, args } = await prepare(name, abi);
    at.guest.vm.trace.events = [];
    at.call(name, ...args);
    at.call(name, ...args.map((one) => (typeof one === "bigint" ? -1n : -1)));
    const lines = at.guest.vm.trace.events.map(formatEvent);
    // what the relay itself says to its test is in the trace too
    const own = lines.filter((line) => line.startsWith(`${name}(`));
    expect(own).toHaveLength(2);
    expect(own.join()).not.toMatch(/undefined|\[object|NaN/);
  });

  test.each([
    { name: "proxy_get_shared_data", args: [0, 1, 100, 104, 108], line: 'proxy_get_shared_data(key: "?") -> NotFound' },
    { name: "proxy_log", args: [9, 0, 1], line: "proxy_log(9, 0, 1) -> BadArgument" },
    { name: "proxy_log", args: [2, end, 1], line: "proxy_log(?) -> InvalidMemoryAccess" },
    { name: "proxy_get_log_level", args: [100], line: "proxy_get_log_level() -> Ok, level: 2" },
    { name: "fd_close", args: [7], line: "fd_close(fd: 7) -> 0" },
    { name: "fd_renumber", args: [1, 2], line: "fd_renumber(from: 1, to: 2) -> errno 58" },
    {
      name: "proxy_set_buffer_bytes",
      args: [6, 0, 0, 0, 2],
      line: 'proxy_set_buffer_bytes(buffer: VM configuration, start: 0, size: 0, value: "??") -> BadArgument',
    },
  ])("$line", async ({ name, args, line }) => {
    const guest = await relay({ trace: true });
    guest.call(name, ...args);
    expect(guest.plugin.trace.map(formatEvent)).toContain(line);
  });

  test("the last events before a trap are in its error, decoded", async () => {
    const { guest, context } = await held();
    const work = (): void => {
      guest.call("proxy_remove_header_map_value", 0, 0, guest.write(0, "X-A"));
      guest.trap();
    };
    expect(() => guest.inside(work, context)).toThrow("unreachable");
    expect(guest.plugin.failure!.details).toContain(
      '  proxy_remove_header_map_value(map: request headers, name: "x-a") -> Ok',
    );
  });
});
