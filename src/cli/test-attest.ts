import { attestationOf, modulesOf } from "../scenario/attestation.js";
import type { TestRun } from "../scenario/run-tests.js";
import type { TestCase } from "../scenario/types.js";
import { UsageError } from "./errors.js";
import { writeWhole } from "./output.js";
import { toolVersion } from "./tool-version.js";

/**
 * Notes which modules are about to be tested.
 *
 * @returns What writes the attestation after the run, one of failure too: an older one would say what is not so any more.
 */
export async function attesting(file: string, tests: readonly TestCase[]): Promise<(run: TestRun) => Promise<void>> {
  const before = await modulesOf(tests);
  return async (run) => {
    for (const [source, bytes] of await modulesOf(tests)) {
      if (!Buffer.from(bytes).equals(before.get(source)!))
        throw new UsageError(`Cannot attest: ${String(source)} changed while its tests ran; run them again`);
    }
    const attestation = attestationOf(run.finished, before, toolVersion());
    writeWhole(file, `${JSON.stringify(attestation, undefined, 2)}\n`);
    process.stderr.write(`attested ${attestation.result}: ${file}\n`);
  };
}
