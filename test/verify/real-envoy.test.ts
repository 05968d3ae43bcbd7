// What is recorded, played again to the Envoy of this machine; skipped where there is none.
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { messageOf } from "../../src/errors.js";
import { compareRecordings } from "../../src/verify/envoy/compare.js";
import { findEnvoy } from "../../src/verify/envoy/find.js";
import { checkV8 } from "../../src/verify/envoy/has-v8.js";
import { record } from "../../src/verify/envoy/record.js";
import { readRecordings, recordingGroups } from "../../src/verify/envoy/store.js";

const envoy = await findEnvoy().catch((thrown: unknown) => messageOf(thrown));
if (typeof envoy === "string") console.warn(`Skipped: ${envoy}`);

const temporary = tmpdir();
const scratch = mkdtempSync(join(temporary, "pwh-real-"));
process.env["TMPDIR"] = scratch;
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.skipIf(typeof envoy === "string")("a real Envoy", () => {
  if (typeof envoy === "string") return;
  const all = recordingGroups().flatMap((group) => readRecordings(group));
  const stable = all.filter(({ recorded, scenario }) => {
    return recorded[envoy.version] !== undefined && Object.keys(scenario.unstable ?? {}).length === 0;
  });
  // thirty of them, others every day: PWH_DAY=2026-11-23 plays those of that day again
  const day = process.env["PWH_DAY"] ?? new Date().toISOString().slice(0, 10);
  console.log(`Recorded anew: the thirty of PWH_DAY=${day}`);
  const rank = ({ name }: { name: string }): string => createHash("sha256").update(`${day} ${name}`).digest("hex");
  const chosen = stable.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, 30);

  test("has V8", async () => {
    await checkV8(envoy);
  });

  test.each(chosen)("$name: $doc", async ({ scenario, recorded }) => {
    const now = await record(scenario, { envoy });
    const before = recorded[envoy.version];
    expect(before && compareRecordings(before, now, scenario)).toEqual([]);
  });

  test("leaves no folder behind", () => {
    expect(readdirSync(scratch)).toEqual([]);
  });
});
