import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { messageOf } from "../../src/errors.js";
import { findEnvoy } from "../../src/verify/envoy/find.js";
import { parseRecorded } from "../../src/verify/envoy/store.js";
import { goMissing, httpHeaders, httpHeadersModule } from "../support/fixtures.js";
import { pwh, pwhStarted } from "../support/pwh.js";

const envoy = await findEnvoy().catch((thrown: unknown) => messageOf(thrown));
if (typeof envoy === "string") console.warn(`Skipped: ${envoy}`);

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "pwh-verify-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

describe.skipIf(typeof envoy === "string")("pwh verify on a real Envoy", () => {
  test.each(httpHeaders)(
    "the %s fixture: same, down to the raw arguments",
    (language) => {
      const module = httpHeadersModule(language);
      if (module === undefined) {
        console.warn(`Skipped: ${goMissing}`);
        return;
      }
      const config = '{"header":"x-q","value":"1"}';
      const { code, out, err } = pwh(
        ["verify", module, "-c", config, "-H", "x-a: b", "-d", "hello"],
        { timeoutMs: 110_000 }, // Go's is played several times, until it differs from itself
      );
      expect(err).toBe("");
      expect(out).toMatch(/^same .*1 exchange, \d+ callbacks, \d+ hostcalls/);
      expect(code).toBe(0);
    },
    120_000,
  );

  test("records what Envoy did, and a scenario file is played", () => {
    const here = folder();
    const scenario = {
      name: "reply",
      plugins: [{ root_id: "r", script: ["on_request_headers: local 403 d no -1"] }],
    };
    writeFileSync(join(here, "reply.json"), JSON.stringify(scenario));
    const { code, out } = pwh(["verify", join(here, "reply.json"), "--record", join(here, "made.jsonl")]);
    expect(out).toMatch(/^same {2}reply/);
    expect(code).toBe(0);
    const { recorded } = parseRecorded(readFileSync(join(here, "made.jsonl"), "utf8").trim());
    expect(Object.values(recorded)[0]?.clients[0]?.status).toBe(403);
  });

  test("a difference is shown side by side, and is exit code 1", () => {
    const here = folder();
    // a clock that stands still here and runs there: the one thing that two hosts cannot agree on
    const scenario = { name: "clock", plugins: [{ root_id: "r", script: ["on_request_headers: now"] }] };
    writeFileSync(join(here, "clock.json"), JSON.stringify(scenario));
    const { code, out } = pwh(["verify", join(here, "clock.json")]);
    expect([code, out.split(" ")[0]]).toSatisfy(
      ([status, word]: [number, string]) => (status === 0 && word === "same") || (status === 1 && word === "different"),
    );
  });
});

// its children are read from /proc
const notLinux = process.platform !== "linux";
if (notLinux) console.warn("Skipped: pwh verify that is killed; there is no /proc on this system");
describe.skipIf(typeof envoy === "string" || notLinux)("pwh verify that is killed", () => {
  test("takes its Envoy and its folder with it", async () => {
    const file = join(folder(), "slow.json");
    writeFileSync(file, JSON.stringify({ plugins: [{ root_id: "r", script: "" }], clients: [{}], settle_ms: 15_000 }));
    const child = pwhStarted(["verify", file]);
    const pid = child.pid!;
    const childrenOf = (): string[] =>
      readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    const commandOf = (id: string): string[] => readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0");
    const isEnvoy = (id: string): boolean => commandOf(id)[0]!.endsWith("envoy") && commandOf(id).includes("-c");
    await vi.waitUntil(() => childrenOf().some(isEnvoy), { timeout: 10_000 });
    const envoyId = childrenOf().find(isEnvoy)!;
    const config = commandOf(envoyId)[commandOf(envoyId).indexOf("-c") + 1]!;
    expect(existsSync(config)).toBe(true);
    child.kill("SIGKILL");
    // what is dead and was not waited for yet is dead
    const isDead = (): boolean =>
      !existsSync(`/proc/${envoyId}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${envoyId}/status`, "utf8"));
    await vi.waitUntil(isDead, { timeout: 20_000 });
    await vi.waitUntil(() => !existsSync(config), { timeout: 20_000 });
  }, 60_000);
});

test("without an Envoy: exit code 3, and how to get one", () => {
  const env = { ENVOY: "", PATH: "/nonexistent", PWH_HOME: folder() };
  const { code, out, err } = pwh(["verify", "fixtures/http-headers/http-headers.wasm"], { env });
  expect(out).toBe("");
  expect(err).toMatch(/^pwh: Cannot find Envoy/);
  expect(err).toContain("pwh envoy install");
  expect(code).toBe(3);
});

test.each([
  [["verify"], "pwh: Cannot verify: the file is missing; write pwh verify <file..>\n"],
  [["verify", "nope.wasm"], "pwh: Cannot read nope.wasm: there is no such file\n"],
  [["verify", "nope.json"], "pwh: Cannot read nope.json: there is no such file\n"],
  [["envoy", "instal"], 'pwh: Unknown action "instal" (did you mean "install"?): install or list\n'],
  [["envoy", "install", "new"], 'pwh: Cannot install Envoy "new": a release like 1.40.0 is wanted\n'],
])("%j is refused", (args, message) => {
  expect(pwh(args)).toMatchObject({ code: 2, out: "", err: message });
});

test.each([
  ["", "Unexpected end of JSON input"],
  ["[]", "it has no scenario"],
  ["{}", 'a scenario names its "plugins"'],
  ['{"plugins": 3}', '"plugins" is a list, not 3'],
  ["[7]", "a scenario is an object, not 7"],
])("a scenario file with %j is refused", (text, why) => {
  const file = join(folder(), "one.json");
  writeFileSync(file, text);
  expect(pwh(["verify", file])).toMatchObject({ code: 2, err: `pwh: Cannot use ${file}: ${why}\n` });
});
