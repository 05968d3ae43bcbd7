// Every hostcall with addresses and sizes at, over and far over the end of memory. Which call answers what is from
// proxy-wasm-abi.md §2.3 (a range is valid when it ends at or before the end, also an empty one) and §4.
import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import { hostcalls } from "../../../src/host/hostcalls/index.js";
import type { Held } from "../support.js";
import { end, held, request } from "../support.js";

const pairs = Object.entries(request);

/** Arguments with which a call on a stream held in its request headers answers `status`. */
interface Sound {
  readonly abi?: "0.1.0";
  readonly args: (at: Held) => readonly (number | bigint)[];
  readonly status: Status;
}
const ok = (...args: readonly (number | bigint)[]): Sound => ({ args: () => args, status: Status.Ok });
/** One byte at 0, pairs at 200, outputs at 1000 and behind. */
const sound: Readonly<Record<string, Sound>> = {
  proxy_set_effective_context: ok(1),
  proxy_done: { args: () => [], status: Status.NotFound },
  proxy_log: ok(2, 0, 1),
  proxy_get_log_level: ok(1000),
  proxy_get_current_time_nanoseconds: ok(1000),
  proxy_set_tick_period_milliseconds: ok(0),
  proxy_get_buffer_bytes: ok(6, 0, -1, 1000, 1004),
  proxy_get_buffer_status: ok(6, 1000, 1004),
  proxy_set_buffer_bytes: { args: () => [0, 0, 0, 0, 1], status: Status.BadArgument },
  proxy_get_configuration: { ...ok(1000, 1004), abi: "0.1.0" },
  proxy_get_header_map_pairs: ok(0, 1000, 1004),
  proxy_get_header_map_size: ok(0, 1000),
  proxy_get_header_map_value: { args: ({ guest }) => [0, 100, guest.write(100, ":path"), 1000, 1004], status: 0 },
  proxy_set_header_map_pairs: { args: ({ guest }) => [0, 200, guest.write(200, pairs)], status: Status.Ok },
  proxy_add_header_map_value: ok(0, 0, 1, 0, 1),
  proxy_replace_header_map_value: ok(0, 0, 1, 0, 1),
  proxy_remove_header_map_value: ok(0, 0, 1),
  proxy_continue_stream: ok(0),
  proxy_close_stream: ok(0),
  proxy_continue_request: { ...ok(), abi: "0.1.0" },
  proxy_continue_response: { ...ok(), abi: "0.1.0" },
  proxy_clear_route_cache: { ...ok(), abi: "0.1.0" },
  proxy_send_local_response: ok(200, 0, 1, 0, 1, 200, 0, -1),
  proxy_http_call: {
    args: ({ guest }) => [0, 1, 200, guest.write(200, pairs), 0, 1, 0, 0, 1000, 1000],
    status: Status.Ok,
  },
  proxy_grpc_call: ok(0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1000, 1000),
  proxy_grpc_stream: ok(0, 1, 0, 1, 0, 1, 0, 0, 1000),
  proxy_grpc_send: { args: () => [6, 0, 1, 0], status: Status.NotFound },
  proxy_grpc_cancel: { args: () => [5], status: Status.NotFound },
  proxy_grpc_close: { args: () => [5], status: Status.NotFound },
  proxy_get_status: ok(1000, 1004, 1008),
  proxy_get_shared_data: {
    args: ({ call }) => {
      call("proxy_set_shared_data", 0, 1, 0, 1, 0);
      return [0, 1, 1000, 1004, 1008];
    },
    status: Status.Ok,
  },
  proxy_set_shared_data: ok(0, 1, 0, 1, 0),
  proxy_register_shared_queue: ok(0, 1, 1000),
  proxy_resolve_shared_queue: {
    args: ({ call }) => {
      call("proxy_register_shared_queue", 0, 1, 1000);
      return [0, 0, 0, 1, 1000];
    },
    status: Status.Ok,
  },
  proxy_enqueue_shared_queue: {
    args: ({ guest, call }) => {
      call("proxy_register_shared_queue", 0, 1, 1000);
      return [guest.u32(1000), 0, 1];
    },
    status: Status.Ok,
  },
  proxy_dequeue_shared_queue: {
    args: ({ guest, call }) => {
      call("proxy_register_shared_queue", 0, 1, 1000);
      const queue = guest.u32(1000);
      call("proxy_enqueue_shared_queue", queue, 0, 1);
      return [queue, 1000, 1004];
    },
    status: Status.Ok,
  },
  proxy_define_metric: ok(0, 0, 1, 1000),
  proxy_increment_metric: { args: () => [4, 1n], status: Status.NotFound },
  proxy_record_metric: { args: () => [4, 1n], status: Status.NotFound },
  proxy_get_metric: {
    args: ({ call }) => {
      call("proxy_define_metric", 0, 0, 1, 1000);
      return [4, 1000];
    },
    status: Status.Ok,
  },
  proxy_get_property: { args: ({ guest }) => [100, guest.write(100, "plugin_name"), 1000, 1004], status: Status.Ok },
  proxy_set_property: ok(0, 1, 0, 1),
  proxy_call_foreign_function: { args: ({ guest }) => [100, guest.write(100, "echo"), 0, 1, 1000, 1004], status: 0 },
};

/** Ranges that leave a memory of 65,536 bytes. */
const outside: readonly (readonly [what: string, address: number, size: number])[] = [
  ["one byte at the end", end, 1],
  ["nothing past the end", end + 1, 0],
  ["two bytes at the last one", end - 1, 2],
  ["a size of 2^32 - 1 at 0", 0, -1],
  ["a size of 2^31 at 0", 0, -0x80000000],
  ["nothing at 2^32 - 1", -1, 0],
  ["a range that wraps around", -1, 2],
  ["a byte at 2^31", -0x80000000, 1],
];
/** Places from which four bytes leave the memory. */
const badWords = [end - 3, end, end + 1, -1, -4, -0x80000000];

/** The input ranges of a call (position of the address, the size behind it) and its output words, with their widths. */
function places(name: string): { inputs: [string, number][]; outputs: [string, number, number][] } {
  const inputs: [string, number][] = [];
  const outputs: [string, number, number][] = [];
  let at = 0;
  for (const [parameter, { parts, decode, wasm }] of Object.entries(hostcalls.get(name)!.params)) {
    if (parts.join() === "pointer,size") inputs.push([parameter, at]);
    if (decode === undefined) {
      for (const [i, part] of parts.entries()) outputs.push([`${parameter}, ${part}`, at + i, /64/.test(part) ? 8 : 4]);
    }
    at += wasm.length;
  }
  return { inputs, outputs };
}

async function prepare(name: string): Promise<{ at: Held; args: (number | bigint)[] }> {
  const { abi = "0.2.1", args } = sound[name]!;
  const at = await held({ abi, vmConfiguration: "vm", foreignFunctions: { echo: (given) => given } });
  return { at, args: [...args(at)] };
}

test("the table has every hostcall", () => {
  expect(Object.keys(sound).sort()).toEqual([...hostcalls.keys()].sort());
});

describe.each(Object.keys(sound))("%s", (name) => {
  const { inputs, outputs } = places(name);

  test(`answers ${sound[name]!.status} to sound arguments`, async () => {
    const { at, args } = await prepare(name);
    expect(at.call(name, ...args)).toBe(sound[name]!.status);
  });

  if (inputs.length > 0) {
    test("refuses ranges outside the memory, and writes nothing", async () => {
      const { at, args } = await prepare(name);
      const before = at.guest.text(0, end);
      for (const [parameter, position] of inputs) {
        for (const [what, address, size] of outside) {
          const given = args.with(position, address).with(position + 1, size);
          expect(at.call(name, ...given), `${parameter}: ${what}`).toBe(Status.InvalidMemoryAccess);
        }
      }
      // proxy_http_call alone writes its output first, yet after the inputs were looked at
      expect(at.guest.text(0, end)).toBe(before);
    });

    test("takes an empty range that begins at the end", async () => {
      const { at, args } = await prepare(name);
      for (const [, position] of inputs) {
        const status = at.call(name, ...args.with(position, end).with(position + 1, 0));
        expect(status).not.toBe(Status.InvalidMemoryAccess);
      }
    });
  }

  if (outputs.length > 0) {
    test("refuses outputs that would not lie within the memory", async () => {
      for (const [place, position, width] of outputs) {
        for (const address of badWords) {
          const { at, args } = await prepare(name);
          const given = address === end - 3 ? end - width + 1 : address;
          expect(at.call(name, ...args.with(position, given)), `${place} at ${given}`).toBe(Status.InvalidMemoryAccess);
          expect(at.guest.vm.failed).toBe(false);
        }
      }
    });

    test("writes outputs that end at the end, at odd places, and at 0", async () => {
      for (const [place, position, width] of outputs) {
        for (const address of [end - width, 1001, ...(name === "proxy_call_foreign_function" ? [] : [0])]) {
          const { at, args } = await prepare(name);
          // the other outputs are out of the way
          const given = args.map((one, i) => (outputs.some(([, p]) => p === i) ? 2000 + 16 * i : one));
          expect(at.call(name, ...given.with(position, address)), `${place} at ${address}`).toBe(Status.Ok);
          expect(at.guest.u32(address), "was written").not.toBe(0x3f3f3f3f);
        }
      }
    });
  }
});
