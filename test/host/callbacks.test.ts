// Every callback of the three versions, made by the host and received by real wasm. proxy-wasm-abi.md §5
import { describe, expect, test } from "vitest";
import type { AbiVersion } from "../../src/abi/version.js";
import { abiTraits } from "../../src/abi/version.js";
import type { CallbackDescriptor } from "../../src/host/callbacks.js";
import { callbackDescriptors, callbackParams } from "../../src/host/callbacks.js";
import { relay } from "../../src/harness/relay.js";

/** Name, how many parameters, does it answer; what a missing one counts as. From proxy-wasm-abi.md §5. */
const table: readonly (readonly [name: string, params: number, answers: boolean, absent: number])[] = [
  ["proxy_on_context_create", 2, false, 0],
  ["proxy_on_vm_start", 2, true, 1],
  ["proxy_validate_configuration", 2, true, 1],
  ["proxy_on_configure", 2, true, 1],
  ["proxy_on_tick", 1, false, 0],
  ["proxy_on_queue_ready", 2, false, 0],
  ["proxy_on_foreign_function", 3, false, 0],
  ["proxy_on_new_connection", 1, true, 0],
  ["proxy_on_downstream_data", 3, true, 0],
  ["proxy_on_upstream_data", 3, true, 0],
  ["proxy_on_downstream_connection_close", 2, false, 0],
  ["proxy_on_upstream_connection_close", 2, false, 0],
  ["proxy_on_request_headers", 3, true, 0],
  ["proxy_on_request_body", 3, true, 0],
  ["proxy_on_request_trailers", 2, true, 0],
  ["proxy_on_request_metadata", 2, true, 0],
  ["proxy_on_response_headers", 3, true, 0],
  ["proxy_on_response_body", 3, true, 0],
  ["proxy_on_response_trailers", 2, true, 0],
  ["proxy_on_response_metadata", 2, true, 0],
  ["proxy_on_http_call_response", 5, false, 0],
  ["proxy_on_grpc_receive_initial_metadata", 3, false, 0],
  ["proxy_on_grpc_receive", 3, false, 0],
  ["proxy_on_grpc_receive_trailing_metadata", 3, false, 0],
  ["proxy_on_grpc_close", 3, false, 0],
  ["proxy_on_done", 1, true, 1],
  ["proxy_on_log", 1, false, 0],
  ["proxy_on_delete", 1, false, 0],
  ["envoy_on_resolve_dns", 3, false, 0],
  ["envoy_on_stats_update", 2, false, 0],
];
const versions: readonly AbiVersion[] = ["0.1.0", "0.2.0", "0.2.1"];
const headers = new Set(["proxy_on_request_headers", "proxy_on_response_headers"]);

test("the descriptors are those of the table", () => {
  const described = callbackDescriptors.map(
    ({ name, params, result, absent }) => [name, params.length, result !== "none", absent] as const,
  );
  expect(described).toEqual(table);
});

describe.each(versions)("in ABI %s", (abi) => {
  test.each(table.map(([name, params, answers, absent]) => ({ name, params, answers, absent })))(
    "$name",
    async ({ name, params, answers, absent }) => {
      const arity = abi === "0.1.0" && headers.has(name) ? params - 1 : params;
      const known = abi !== "0.1.0" || name !== "proxy_on_foreign_function";
      const descriptor = callbackDescriptors.find((one) => one.name === name) as CallbackDescriptor;
      expect(callbackParams(descriptor, abiTraits[abi])).toHaveLength(arity);

      const guest = await relay({ abi, answers: { [name]: 0x7fffffff } });
      const callback = guest.vm.callbacks[name as keyof typeof guest.vm.callbacks];
      const answer = guest.vm.notify(callback, guest.plugin.root, 11, -1, 33, 44);
      const given = [1, 11, -1, 33, 44].slice(0, arity);
      const expected = `${name}(${given.join(", ")})`;
      expect(guest.callbacks.slice(3)).toEqual(known ? [expected] : []);
      if (known) expect(answer).toBe(answers ? 0x7fffffff : 0);

      const without = await relay({ abi, callbacks: [] });
      const missing = without.vm.callbacks[name as keyof typeof guest.vm.callbacks];
      expect(without.vm.notify(missing, without.plugin.root)).toBe(absent);
    },
  );

  test("a failed VM is not entered; yes-or-no callbacks then count as yes", async () => {
    const guest = await relay({ abi });
    expect(() => guest.inside(() => guest.trap())).toThrow();
    const before = guest.callbacks.length;
    for (const [name, , , absent] of table) {
      const callback = guest.vm.callbacks[name as keyof typeof guest.vm.callbacks];
      expect(guest.vm.notify(callback, guest.plugin.root)).toBe(absent);
    }
    expect(guest.callbacks).toHaveLength(before);
  });
});
