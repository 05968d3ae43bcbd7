// Calls with numbers that make no sense, in any order: whatever a guest does, the host answers a status and goes on.
// A small, always equal sample of what the torture run does at length.
import { expect, test } from "vitest";
import { builtins } from "../../src/host/builtins.js";
import { hostcalls } from "../../src/host/hostcalls/index.js";
import { SeededRandom } from "../../src/host/services/random.js";
import type { FunctionDescriptor } from "../../src/vm/import-function.js";
import { wasmParams } from "../../src/vm/import-function.js";
import { wasiFunctions } from "../../src/wasi/index.js";
import { relayedNames } from "../../src/harness/relay.js";
import { end, held } from "./support.js";

const statuses = new Set([0, 1, 2, 3, 4, 6, 7, 8, 10, 12]);
const errnos = new Set([0, 8, 20, 21, 28, 44, 52, 58]);
/** Addresses, sizes, ids: at, over and far over what there is. */
const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 100, 104, 1001, 4096, end - 8, end - 4, end - 1, end, end + 1];
const extremes = [-1, -2, -4, -8, 0x7fffffff, -0x80000000, -0x7fffffff, 0x00ffffff, 1 << 20];
const modes = ["normal", "normal", "normal", "zero", "past the end", "grow"] as const;
const abis = ["0.1.0", "0.2.0", "0.2.1"] as const;

const descriptorOf = (name: string): FunctionDescriptor =>
  (hostcalls.get(name) ?? builtins.get(name) ?? wasiFunctions.get(name.replace("wasi_unstable.", ""))) as never;

test.each(Array.from({ length: 40 }, (_, i) => i + 1))("100 calls of seed %i", async (seed) => {
  const random = new SeededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[random.next() % from.length]!;
  const value = (): number => pick(random.next() % 4 === 0 ? extremes : numbers);
  const abi = pick(abis);
  const names = relayedNames(abi);
  const { guest, context } = await held({
    abi,
    environment: { NAME: "value" },
    configuration: "configuration",
    vmConfiguration: "vm",
    foreignFunctions: { "?": (args) => args },
    onFailure: "policy",
  });
  for (let i = 0; i < 40; i++) guest.writeU32(pick(numbers.slice(0, 15)) + (random.next() % 40), value());

  for (let step = 0; step < 100; step++) {
    const name = pick(names);
    const descriptor = descriptorOf(name);
    const args = wasmParams(descriptor).map((type) => (type === "i64" ? BigInt(value()) : value()));
    guest.allocator = pick(modes);
    const target = context.deleted || random.next() % 2 === 0 ? guest.plugin.root : context;
    const status = guest.inside(() => guest.call(name, ...args), target);
    const allowed = descriptor.result === "errno" ? errnos : statuses;
    expect(allowed, `${name}(${args.join(", ")}) answered ${status}`).toContain(status);
    expect(guest.vm.failed, `${name}(${args.join(", ")})`).toBe(false);
  }
  guest.plugin.clock.advance(1000);
  guest.close();
});
