import { envoyError } from "./errors.js";
import type { EnvoyBinary } from "./find.js";
import { record } from "./record.js";
import type { Scenario } from "./scenario.js";

/** The smallest plugin: memory, an ABI marker, an allocator. */
const tinyModule = Buffer.concat([
  Buffer.from("0061736d01000000", "hex"),
  section(1, [2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f]), // types: () -> (), (i32) -> i32
  section(3, [2, 0, 1]), // two functions
  section(5, [1, 0, 1]), // one page
  section(7, [3, ...named("memory", 2, 0), ...named("proxy_abi_version_0_2_1", 0, 0), ...named("malloc", 0, 1)]),
  section(10, [2, 2, 0, 0x0b, 4, 0, 0x41, 0, 0x0b]), // bodies: nothing; i32.const 0
]);

function section(id: number, bytes: readonly number[]): Buffer {
  return Buffer.from([id, bytes.length, ...bytes]);
}

function named(name: string, kind: number, index: number): number[] {
  return [name.length, ...Buffer.from(name), kind, index];
}

/**
 * Starts an Envoy with the smallest plugin there is: whether V8 was built in shows in no other way (1.38.3 lacks it).
 *
 * @throws {HarnessError} `ENVOY_WITHOUT_V8`; `ENVOY_UNUSABLE` if it does not start for another reason.
 */
export async function checkV8(binary: EnvoyBinary): Promise<void> {
  const scenario: Scenario = {
    name: "v8",
    plugins: [{ inline_b64: tinyModule.toString("base64") }],
    clients: [],
    settle_ms: 0,
  };
  const { started, main = [], stderr = [] } = await record(scenario, { envoy: binary });
  if (started) return;
  const messages = main.map(({ message }) => message);
  if (messages.some((message) => message.includes("compiled without support"))) {
    throw envoyError(
      "ENVOY_WITHOUT_V8",
      `Cannot run plugins in Envoy ${binary.version} at "${binary.path}": it was built without V8`,
      { details: ["`pwh envoy install` gets one that has it"] },
    );
  }
  throw envoyError(
    "ENVOY_UNUSABLE",
    `Cannot start Envoy ${binary.version} at "${binary.path}" with the smallest plugin`,
    {
      details: [...messages.slice(-5), ...stderr.slice(-5)],
    },
  );
}
