// What a real Envoy says when it loads these modules, played again to the one of this machine. With PWH_RECORD=1 it is written down:
// PWH_RECORD=1 ENVOY=1.40.0 npx vitest run test/preflight/real-envoy.test.ts
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { messageOf } from "../../src/errors.js";
import { findEnvoy } from "../../src/verify/envoy/find.js";
import { record } from "../../src/verify/envoy/record.js";
import { loadingModules } from "./modules.js";
import type { LoadingRecordings } from "./recordings.js";

const file = new URL("../recordings/loading.json", import.meta.url);
const recorded = JSON.parse(readFileSync(file, "utf8")) as LoadingRecordings;

const envoy = await findEnvoy().catch((thrown: unknown) => messageOf(thrown));
if (typeof envoy === "string") console.warn(`Skipped: ${envoy}`);

describe.skipIf(typeof envoy === "string")("a real Envoy", () => {
  if (typeof envoy === "string") return;

  const writes = process.env["PWH_RECORD"] === "1";
  const unknown = !writes && recorded[envoy.version] === undefined;
  if (unknown) console.warn(`Skipped: what Envoy ${envoy.version} says of modules was not recorded`);
  test.skipIf(unknown)("says of each module what is recorded", { timeout: 300_000 }, async () => {
    const said: Record<string, readonly string[]> = {};
    for (const [name, bytes] of await loadingModules()) {
      const plugins = [{ inline_b64: Buffer.from(bytes).toString("base64") }];
      const { started, main = [], stderr = [] } = await record({ name, plugins, clients: [], settle_ms: 0 }, { envoy });
      const lines = main.map((line) =>
        typeof line === "string" ? line : String((line as { message: string }).message),
      );
      said[name] = started ? [] : [...lines, ...stderr];
    }
    if (!writes) return expect(said).toEqual(recorded[envoy.version]);
    writeFileSync(file, `${JSON.stringify({ ...recorded, [envoy.version]: said }, undefined, 1)}\n`);
  });
});
