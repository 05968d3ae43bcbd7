// What is recorded, played again to the Envoy of this machine; skipped where there is none.
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
  const chosen = new Set([
    "r002",
    "r026",
    "r038",
    "r043",
    "r056",
    "r087",
    "r098",
    "r112",
    "gs_status",
    "r061o",
    "r102",
  ]);
  const known = all.filter(({ name, recorded }) => chosen.has(name) && recorded[envoy.version] !== undefined);

  test("has V8", async () => {
    await checkV8(envoy);
  });

  test.each(known)("$name: $doc", async ({ scenario, recorded }) => {
    const now = await record(scenario, { envoy });
    const before = recorded[envoy.version];
    expect(before && compareRecordings(before, now, scenario)).toEqual([]);
  });

  test("leaves no folder behind", () => {
    expect(readdirSync(scratch)).toEqual([]);
  });
});
