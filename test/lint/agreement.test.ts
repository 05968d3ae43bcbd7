// What real validators said of 143 manifests (test/recordings/README.md), and what `pwh lint` says of them.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { lintTexts } from "../../src/lint/lint.js";

interface Verdict {
  readonly errors: readonly string[];
  readonly warnings?: readonly string[];
}

interface Case {
  readonly case: string;
  readonly manifest: string;
  readonly verdicts: Readonly<Record<string, Verdict>>;
}

const recorded = (file: string): Case[] =>
  readFileSync(`test/recordings/manifests/${file}.jsonl`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Case);
const cases = recorded("cases");

/** What is said of the good seed already: it has no namespace and no priority. */
const ofEveryCase = new Set(["M-N5", "M-F21"]);

/** Errors of ours where no validator refuses: what stands there is taken and then has no effect, or fails later. */
const errorsOfOurs: Readonly<Record<string, string>> = {
  e09: "Istio 1.31 warns and ignores the pattern: the filter is nowhere",
  e27: "port 70000 is taken by all and matches nothing (reference, M-P1)",
  e33b: "a targetRef of kind Pod selects nothing (reference, M-L7)",
  e45a: "no pod can have the label value (reference, M-L2)",
  e45b: "no pod can have the label key (reference, M-L1)",
  e47: "EXTENSION_CONFIG with another operation than ADD is dropped (reference, 2.8)",
  w23: "the fetcher refuses an upper-case repository (reference, M-W2)",
  w24: "file://opt/x.wasm names a host (reference, M-W3)",
  w31: "a sha256 that is not the digest in the url rejects every download (reference, M-W4)",
  w32: "oci:// names no image: it passes admission and cannot be fetched (reference, 5.3)",
};

/** Warnings of ours where something refuses. */
const warningsOfOurs: Readonly<Record<string, string>> = {
  e59: "Envoy takes a Struct; it was the plugin of that recording that refused the bytes",
  e62: "only the Istio of 2021 refuses xds.type.v3.TypedStruct: an error with --istio 1.11",
};

const asked = ({ manifest }: Case, istio?: string) =>
  lintTexts([{ name: "case.yaml", text: manifest }], istio === undefined ? {} : { istio }).findings.filter(
    ({ rule, severity }) => severity !== "information" && !ofEveryCase.has(rule),
  );

/** Undefined: as the union of the validators has it. */
function disagreement(one: Case): string | undefined {
  const findings = asked(one);
  const errors = findings.filter(({ severity }) => severity === "error");
  const verdicts = Object.values(one.verdicts);
  const told = findings.map(({ rule, message }) => `${rule} ${message}`).join("; ");
  if (verdicts.some((verdict) => verdict.errors.length > 0)) return errors.length > 0 ? undefined : `no error: ${told}`;
  if (errors.length > 0) return `an error: ${told}`;
  const warned = verdicts.some(({ warnings = [] }) => warnings.length > 0);
  return warned && findings.length === 0 ? "nothing, where istiod warns" : undefined;
}

describe("pwh lint and the validators", () => {
  test("there are 143 cases, all with the newest Istio and the API server", () => {
    expect(cases).toHaveLength(143);
    for (const { verdicts } of cases) {
      expect(Object.keys(verdicts)).toEqual(expect.arrayContaining(["istio-1.31", "kube-apiserver-1.37.2"]));
    }
  });

  test("agree on at least 120; the others are named here with their reason", () => {
    const apart = cases.filter((one) => disagreement(one) !== undefined).map((one) => one.case);
    expect(apart).toEqual([...Object.keys(errorsOfOurs), ...Object.keys(warningsOfOurs)].sort());
    expect(cases.length - apart.length).toBeGreaterThanOrEqual(120);
  });

  test("what is called an error on our own account is silently ignored or fails later: something is said in any case", () => {
    for (const one of cases.filter(({ case: id }) => id in errorsOfOurs || id in warningsOfOurs)) {
      expect(asked(one), one.case).not.toEqual([]);
    }
  });

  test("xds.type.v3.TypedStruct is an error for the Istio that refuses it", () => {
    const one = cases.find(({ case: id }) => id === "e62")!;
    const errors = asked(one, "1.11").filter(({ severity }) => severity === "error");
    expect(errors.map(({ rule }) => rule)).toEqual(["M-F8"]);
  });
});

/** Static configurations that Envoy refuses for what stands in the module or its surroundings, not in the YAML. */
const notInTheFile = [
  "missing file",
  "missing file fail_open",
  "bad magic",
  "bad magic fail_open",
  "bad magic FAIL_RELOAD",
  "gzip",
  "truncated",
  "empty 8 bytes",
  "zero bytes",
  "env var source missing",
  "inline_bytes bad",
];

/** The others where we differ from Envoy. */
const otherThanEnvoy: Readonly<Record<string, string>> = {
  "configuration Struct": "Envoy takes a Struct; it was the plugin of that recording that refused the bytes: a warning",
  "admin port = listener": "--mode validate does not listen; the real start fails (reference, section 7, M-S5)",
};

test("pwh lint and Envoy agree on 64 static configurations, but for what no YAML tells", () => {
  const all = recorded("envoy");
  expect(all).toHaveLength(64);
  const apart = all.filter((one) => disagreement(one) !== undefined).map((one) => one.case);
  expect(apart.sort()).toEqual([...notInTheFile, ...Object.keys(otherThanEnvoy)].sort());
});
