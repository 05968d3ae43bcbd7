// Every hostcall with arguments that it takes.
import { Status } from "../../../src/abi/enums.js";
import type { AbiVersion } from "../../../src/abi/version.js";
import type { Held } from "../support.js";
import { held, request } from "../support.js";

const pairs = Object.entries(request);

/** Arguments with which a call on a stream held in its request headers answers `status`. */
interface Sound {
  readonly args: (at: Held) => readonly (number | bigint)[];
  readonly status: Status;
}
const ok = (...args: readonly (number | bigint)[]): Sound => ({ args: () => args, status: Status.Ok });
/** One byte at 0, pairs at 200, outputs at 1000 and behind. */
export const sound: Readonly<Record<string, Sound>> = {
  proxy_set_effective_context: ok(1),
  proxy_done: { args: () => [], status: Status.NotFound },
  proxy_log: ok(2, 0, 1),
  proxy_get_log_level: ok(1000),
  proxy_get_current_time_nanoseconds: ok(1000),
  proxy_set_tick_period_milliseconds: ok(0),
  proxy_get_buffer_bytes: ok(6, 0, -1, 1000, 1004),
  proxy_get_buffer_status: ok(6, 1000, 1004),
  proxy_set_buffer_bytes: { args: () => [0, 0, 0, 0, 1], status: Status.BadArgument },
  proxy_get_configuration: ok(1000, 1004),
  proxy_get_header_map_pairs: ok(0, 1000, 1004),
  proxy_get_header_map_size: ok(0, 1000),
  proxy_get_header_map_value: { args: ({ guest }) => [0, 100, guest.write(100, ":path"), 1000, 1004], status: 0 },
  proxy_set_header_map_pairs: { args: ({ guest }) => [0, 200, guest.write(200, pairs)], status: Status.Ok },
  proxy_add_header_map_value: ok(0, 0, 1, 0, 1),
  proxy_replace_header_map_value: ok(0, 0, 1, 0, 1),
  proxy_remove_header_map_value: ok(0, 0, 1),
  proxy_continue_stream: ok(0),
  proxy_close_stream: ok(0),
  proxy_continue_request: ok(),
  proxy_continue_response: ok(),
  proxy_clear_route_cache: ok(),
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
  envoy_resolve_dns: ok(0, 1, 1000),
  proxy_call_foreign_function: { args: ({ guest }) => [100, guest.write(100, "echo"), 0, 1, 1000, 1004], status: 0 },
};

/** A stream held in its request headers, and sound arguments for a call on it. */
export async function prepare(name: string, abi: AbiVersion): Promise<{ at: Held; args: (number | bigint)[] }> {
  const at = await held({ abi, vmConfiguration: "vm", foreignFunctions: { echo: (given) => given } });
  return { at, args: [...sound[name]!.args(at)] };
}
