import { createHash } from "node:crypto";
import { relative } from "node:path";
import { configurationBytes } from "../harness/option-values.js";
import type { ModuleSource } from "../harness/source.js";
import { readNamedFile } from "../harness/source.js";
import { newestProfile, profileOf } from "../proxy/envoy/profiles.js";
import type { Case, CaseResult, Finished, TestCase, TestedPlugin } from "./types.js";

/** What tests said of modules: of their very bytes, with the very bytes of a configuration. The same run gives the same text. */
export interface Attestation {
  readonly schema: 1;
  /** `proxy-wasm-harness 0.1.0` */
  readonly tool: string;
  /** Failed with one test that failed. */
  readonly result: "passed" | "failed";
  /** In the order of the tests. */
  readonly modules: readonly AttestedModule[];
}

export interface AttestedModule {
  readonly sha256: string;
  readonly bytes: number;
  /** Failed with one case that failed, whatever its configuration; passed with one that passed. */
  readonly result: "passed" | "failed" | "not run";
  readonly cases: readonly AttestedCase[];
}

export interface AttestedCase {
  readonly file: string;
  readonly name: string;
  /** The release of Envoy whose behaviour it ran with: `1.40`. */
  readonly profile: string;
  readonly outcome: CaseResult["outcome"];
  /** SHA-256 of the plugin configuration; `none`. Its text may hold a secret, and stands nowhere. */
  readonly configuration: string;
  /** Only where it is not "". */
  readonly rootId?: string;
  /** Only for a case that passes when the plugin fails: it says nothing for its configuration. */
  readonly expectsFailure?: true;
}

/** Of bytes, as `sha256sum` prints it. */
export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** How an attestation names a configuration. None and an empty one are the same for a plugin. */
export const configurationName = (bytes: Uint8Array): string => (bytes.length === 0 ? "none" : sha256Of(bytes));

/** The plugins of a case, wherever they stand in its proxy. */
export function pluginsOf({ proxy, expect, steps }: Case): TestedPlugin[] {
  const expectsFailure = [expect, ...steps.map((step) => step.expect)].some((one) => one?.failure !== undefined);
  const all = [
    ...proxy.filters,
    ...(proxy.accessLoggers ?? []),
    ...(proxy.services ?? []),
    ...(proxy.statsSinks?.plugins ?? []),
    ...Object.values(proxy.upstreamFilters ?? {}).flat(),
  ];
  return all.map((given): TestedPlugin => {
    const one = typeof given === "object" && "module" in given ? given : { module: given };
    const { module, rootId = "", configuration } = one;
    return { module, rootId, configuration: configurationBytes(configuration), expectsFailure };
  });
}

/** The modules that tests run, read: before and after a run, to be sure that they were the same. */
export async function modulesOf(tests: readonly TestCase[]): Promise<ReadonlyMap<ModuleSource, Uint8Array>> {
  const all = new Map<ModuleSource, Uint8Array>();
  for (const { module } of tests.flatMap(({ plugins = [] }) => plugins)) {
    if (!all.has(module)) all.set(module, module instanceof Uint8Array ? module : await readNamedFile(module));
  }
  return all;
}

/**
 * What these results attest.
 *
 * @param version Of this package.
 * @param modules As `modulesOf` read them.
 */
export function attestationOf(
  finished: readonly Finished[],
  modules: ReadonlyMap<ModuleSource, Uint8Array>,
  version: string,
): Attestation {
  const bySha = new Map<string, { bytes: number; cases: AttestedCase[] }>();
  for (const { test, result } of finished) {
    for (const { module, rootId, configuration, expectsFailure } of test.plugins ?? []) {
      const bytes = modules.get(module)!;
      const sha256 = sha256Of(bytes);
      const attested = bySha.get(sha256) ?? { bytes: bytes.length, cases: [] };
      bySha.set(sha256, attested);
      attested.cases.push({
        file: relative(".", test.where.file).replaceAll("\\", "/"),
        name: test.name,
        profile: test.envoy === undefined ? newestProfile.release : profileOf(test.envoy).release,
        outcome: result.outcome,
        configuration: configurationName(configuration),
        ...(rootId !== "" && { rootId }),
        ...(expectsFailure && { expectsFailure }),
      });
    }
  }
  return {
    schema: 1,
    tool: `proxy-wasm-harness ${version}`,
    result: finished.some(({ result }) => result.outcome === "failed") ? "failed" : "passed",
    modules: [...bySha].map(([sha256, { bytes, cases }]) => ({ sha256, bytes, result: resultOf(cases), cases })),
  };
}

function resultOf(cases: readonly AttestedCase[]): AttestedModule["result"] {
  if (cases.some(({ outcome }) => outcome === "failed")) return "failed";
  return cases.some(({ outcome }) => outcome === "passed") ? "passed" : "not run";
}

/** Whether a value that was read has the shape of an attestation. */
export function isAttestation(value: unknown): value is Attestation {
  const { schema, modules } = (value ?? {}) as Partial<Attestation>;
  return (
    schema === 1 &&
    Array.isArray(modules) &&
    modules.every(
      (one: Partial<AttestedModule> | null) =>
        typeof one?.sha256 === "string" &&
        typeof one.result === "string" &&
        Array.isArray(one.cases) &&
        one.cases.every((each: unknown) => typeof (each as AttestedCase | null)?.configuration === "string"),
    )
  );
}

/** A plugin that is to be deployed. */
export interface Subject {
  readonly module: Uint8Array;
  /** Undefined: only the module is asked about, as for an image. */
  readonly configuration?: Uint8Array;
  readonly rootId?: string;
}

/** Cases that passed with this plugin; or why there is none, as the end of a sentence. */
export function passedWith(
  attestation: Attestation,
  { module, configuration, rootId = "" }: Subject,
): readonly AttestedCase[] | string {
  const sha256 = sha256Of(module);
  const found = attestation.modules.find((one) => one.sha256 === sha256);
  if (found === undefined) {
    const others = attestation.modules.map((one) => one.sha256.slice(0, 12)).join(", ") || "none";
    return `it is about other modules: this one is ${sha256.slice(0, 12)}…, tested was ${others}`;
  }
  if (found.result === "failed") {
    const failed = found.cases.filter(({ outcome }) => outcome === "failed");
    return `${failed.length} of ${found.cases.length} cases with this module failed, the first is "${failed[0]!.name}"`;
  }
  const good = found.cases.filter(({ outcome, expectsFailure }) => outcome === "passed" && expectsFailure !== true);
  if (good.length === 0) return "no case passed with this module, but for those that expect it to fail";
  if (configuration === undefined) return good;
  const name = configurationName(configuration);
  const same = good.filter((one) => one.configuration === name);
  if (same.length === 0) {
    const what = name === "none" ? "without a configuration" : "with the very bytes of this configuration";
    return `no case passed ${what}: cases passed with ${[...new Set(good.map(short))].join(", ")}, this is ${short({ configuration: name })}`;
  }
  const cases = same.filter((one) => (one.rootId ?? "") === rootId);
  if (cases.length > 0) return cases;
  const roots = [...new Set(same.map((one) => JSON.stringify(one.rootId ?? "")))].join(", ");
  return `cases passed with root id ${roots}, not with ${JSON.stringify(rootId)}`;
}

const short = ({ configuration }: { configuration: string }): string =>
  configuration === "none" ? configuration : `${configuration.slice(0, 12)}…`;
