// Would a module load? Each prediction is held against what four real releases said (test/recordings/loading.json).
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { preflight } from "../../src/harness/preflight.js";
import { readModule } from "../../src/vm/module-info.js";
import { pwh } from "../support/pwh.js";
import { bytesOfFile } from "../vm/support.js";
import { loadingModules } from "./modules.js";
import type { LoadingRecordings } from "./recordings.js";

const recorded = JSON.parse(
  readFileSync(new URL("../recordings/loading.json", import.meta.url), "utf8"),
) as LoadingRecordings;
const modules = await loadingModules();
/** What Envoy says of the whole configuration at the end, which names a file. */
const ofConfiguration = /^error `.*` initializing config/;

describe.each(Object.keys(recorded))("Envoy %s", (release) => {
  const target = `envoy=${release}`;

  test("was shown every module", () => {
    expect(Object.keys(recorded[release]!).toSorted()).toEqual([...modules.keys()].toSorted());
  });

  test.each([...modules])("%s: as recorded", async (name, bytes) => {
    const said = recorded[release]![name]!.filter((line) => !ofConfiguration.test(line));
    const { targets } = await preflight(bytes, { targets: [target], name: "p", configuration: "" });
    const [{ loads, lines, findings }] = targets as [(typeof targets)[0]];
    if (loads === "unknown") {
      // an older Node cannot compile what Envoy's V8 can: it says so, and does not refuse
      expect(findings.map(({ code }) => code)).toContain("FEATURE_UNTRIED");
      expect(WebAssembly.validate(bytes as BufferSource)).toBe(false);
      return;
    }
    expect({ loads, lines }).toEqual({ loads: said.length === 0 ? "yes" : "no", lines: said });
  });
});

test("the words are those of the plugin's own name", async () => {
  const { targets } = await preflight(modules.get("no allocator")!, { name: "my-filter" });
  expect(targets[0]!.lines).toContain("Plugin my-filter failed to load");
  expect(targets[0]!.lines.at(-1)).toBe("Unable to create Wasm plugin my-filter");
});

describe("targets", () => {
  const good = modules.get("good")!;
  const names = async (...targets: string[]) =>
    (await preflight(good, { targets })).targets.map(({ target, envoy }) => `${target} ${envoy}`);

  test("an Istio is the Envoy that it was built from", async () => {
    // deployment reference, section 10
    expect(await names("istio=1.11", "istio=1.16.2", "ISTIO=1.31")).toEqual([
      "istio=1.11 1.19",
      "istio=1.16.2 1.24",
      "istio=1.31 1.39.3",
    ]);
  });
  test("an x stands for each digit", async () => {
    expect(await names("istio=1.2x")).toHaveLength(10);
    expect((await names("istio=1.3x")).map((one) => one.split(" ")[0])).toEqual(["istio=1.30", "istio=1.31"]);
  });
  test("without any it is the newest that was recorded", async () => {
    expect(await names()).toEqual(["envoy=1.40 1.40.0"]);
  });
  test.each([
    "",
    "istio",
    "istio=",
    "istio=2.1",
    "istio=1.9",
    "istio=1.99",
    "envoy=1.xx",
    "envoy=1.9x",
    "kong=1.1",
    "1.40",
  ])("%j is none", async (target) => {
    await expect(preflight(good, { targets: [target] })).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});

describe("what a release lacks", () => {
  const loads = async (name: string, ...targets: string[]) =>
    (await preflight(modules.get(name)!, { targets })).targets.map((one) => one.loads);

  test("WASI functions, by the table of the deployment reference, section 10", async () => {
    expect(await loads("wasi sched_yield", "istio=1.24", "istio=1.25")).toEqual(["no", "yes"]);
    expect(await loads("wasi fd_pwrite", "envoy=1.38", "envoy=1.39")).toEqual(["no", "yes"]);
  });
  test("features that came to V8 after it", async () => {
    expect(await loads("uses reference-types", "envoy=1.20")).toEqual(["no"]);
    expect(await loads("uses sign-ext", "envoy=1.19")).toEqual(["yes"]);
    const { targets } = await preflight(modules.get("uses reference-types")!, { targets: ["envoy=1.24"] });
    expect(targets[0]).toMatchObject({ loads: "unknown", recorded: false });
  });
});

describe("a configuration", () => {
  const refusing = modules.get("on_configure refuses")!;
  test("that is not given is not held against the module", async () => {
    const { targets } = await preflight(refusing);
    expect(targets[0]).toMatchObject({ loads: "unknown", findings: [{ level: "warning", code: "CONFIGURE_REFUSED" }] });
  });
  test("that is refused is", async () => {
    const { targets } = await preflight(refusing, { configuration: { a: 1 } });
    expect(targets[0]).toMatchObject({ loads: "no", findings: [{ level: "error", code: "CONFIGURE_REFUSED" }] });
  });
});

describe("size", () => {
  const fitting = async (size: number): Promise<readonly boolean[]> => {
    const { deliveries } = await preflight(new Uint8Array(size));
    return deliveries.slice(0, 3).map(({ fits }) => fits);
  };
  // recorded with Kubernetes 1.37.2: deployment reference, section 3.1
  test.each([
    [196_455, [true, true, true]],
    [196_456, [true, false, true]],
    [1_048_576, [true, false, true]],
    [1_048_577, [false, false, true]],
    [1_100_000, [false, false, true]],
    [1_200_000, [false, false, false]],
  ])("%d bytes: ConfigMap, client-side apply, inline", async (size, fits) => {
    expect(await fitting(size)).toEqual(fits);
  });
});

test("compiling costs about 2 s a megabyte of code, ten times that on a tenth of a core", async () => {
  const bytes = bytesOfFile("fixtures/http-headers/http-headers.wasm");
  const code = readModule(bytes).codeSection!;
  const { compileSeconds } = await preflight(bytes);
  expect(compileSeconds.core).toBeCloseTo(((code.end - code.start) * 2) / 1e6, 1);
  expect(compileSeconds.tenthOfCore).toBeCloseTo(compileSeconds.core * 10, 5);
});

describe("pwh preflight", () => {
  const seed = "fixtures/http-headers/http-headers.wasm";
  test("the seed's module loads in the seed's Istio", () => {
    const { code, out } = pwh(["preflight", seed, "--target", "istio=1.11"]);
    expect(out).toContain("istio=1.11 (Envoy 1.19): loads");
    expect(out).toContain("ConfigMap by plain kubectl apply      too large");
    expect(code).toBe(0);
  });
  test("says Envoy's words and ends with 1 where it would not load", () => {
    const { code, out } = pwh(["preflight", "fixtures/probe/probe-nomalloc.wasm", "--target=envoy=1.38"]);
    expect(out).toContain("    Wasm VM failed Wasm module is missing malloc function.\n");
    expect(code).toBe(1);
  });
  test("a file that is no module is told, in Envoy's words too", () => {
    const { code, out } = pwh(["preflight", "README.md"]);
    expect(out).toContain("not WebAssembly");
    expect(out).toContain("Failed to parse corrupted Wasm module");
    expect(code).toBe(1);
  });
  test("--json", () => {
    const { code, out } = pwh(["preflight", seed, "--target", "envoy=1.36", "--json"]);
    expect(JSON.parse(out)).toMatchObject({
      schema: 1,
      file: seed,
      size: 219_859,
      targets: [{ loads: "yes", lines: [] }],
    });
    expect(code).toBe(0);
  });
  test("a wrong target and a missing file are wrong commands", () => {
    const wrong = pwh(["preflight", seed, "--target", "istio=9"]);
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.err).toContain('Cannot use target "istio=9": write it as istio=1.11');
    expect(pwh(["preflight", "nowhere.wasm"])).toMatchObject({ code: 2 });
  });
});
