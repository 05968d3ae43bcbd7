import { readFileSync, statSync } from "node:fs";
import type { Finding } from "../lint/rule.js";
import { paintFor } from "../report/style.js";
import type { Command } from "./commands.js";
import { UsageError } from "./errors.js";
import { lastOf, repeated, text } from "./exchange-options.js";
import { writeWhole } from "./output.js";
import { commaListOf, listOf } from "./values.js";

const formats = ["json", "sarif", "github"] as const;

export const lintCommand: Command = {
  name: "lint",
  usage: "lint [files..]",
  summary: "check manifests of Kubernetes and Envoy that carry plugins, before a cluster sees them",
  positionals: {
    files: {
      describe: "YAML: EnvoyFilter, WasmPlugin, ConfigMap, Deployment, …, Envoy's; or the folder of an OCI image",
      type: "string",
      array: true,
    },
  },
  options: {
    module: { ...text, alias: "m", describe: "the .wasm that they carry: checksums, imports, names are compared" },
    istio: { ...text, describe: "release of Istio that they are for, such as 1.29" },
    envoy: { ...text, describe: "release of Envoy [that of --istio]" },
    off: { ...repeated, describe: "a rule that is not asked, such as M-N5; may be repeated, or a list with commas" },
    apply: { ...text, choices: ["client", "server"], describe: "how kubectl applies them [server]" },
    "root-namespace": { ...text, describe: "of the mesh [istio-system]" },
    fix: { type: "boolean", describe: "mend in the files what can be mended safely; comments stay" },
    rules: { type: "boolean", describe: "list all rules" },
    json: { type: "boolean", describe: "print the findings as JSON" },
    sarif: { type: "boolean", describe: "print them as SARIF 2.1.0" },
    github: { type: "boolean", describe: "print them as annotations of GitHub Actions" },
  },
  examples: ["$0 lint manifests/*.yaml --module filter.wasm --istio 1.29"],
  async run(args) {
    const [{ lint }, { counts, lintGithub, lintJson, lintSarif, lintText, ruleList }] = await Promise.all([
      import("../lint/lint.js"),
      import("../lint/formats.js"),
    ]);
    const paint = paintFor(process.stdout);
    if (args["rules"] === true) {
      process.stdout.write(ruleList(paint));
      return 0;
    }
    const files = [...new Set(listOf(args["files"]))];
    if (files.length === 0) throw new UsageError("Cannot lint: name the files, such as pwh lint manifests/*.yaml");
    const chosen = formats.filter((format) => args[format] === true);
    if (chosen.length > 1) throw new UsageError(`Cannot use --${chosen.join(" and --")}: choose one`);
    const [module, istio, envoy, apply, rootNamespace] = [
      lastOf(args, "module"),
      lastOf(args, "istio"),
      lastOf(args, "envoy"),
      lastOf(args, "apply") as "client" | "server" | undefined,
      lastOf(args, "root-namespace"),
    ];
    const options = {
      ...(module !== undefined && { module }),
      ...(istio !== undefined && { istio }),
      ...(envoy !== undefined && { envoy }),
      ...(apply !== undefined && { apply }),
      ...(rootNamespace !== undefined && { rootNamespace }),
      off: commaListOf(args["off"]),
    };
    let result = await lint(files, options);
    if (args["fix"] === true) {
      const odd = files.find((file) => !statSync(file).isFile());
      if (odd !== undefined) throw new UsageError(`Cannot mend ${odd}: it is no file; leave --fix out`);
      const count = await fixFiles(result.findings);
      if (count > 0) result = await lint(files, options);
      process.stderr.write(`pwh lint: mended ${count}\n`);
    }
    const print = { json: lintJson, sarif: lintSarif, github: lintGithub };
    const [format] = chosen;
    process.stdout.write(format === undefined ? lintText(result, paint) : print[format](result));
    return counts(result).error > 0 ? 1 : 0;
  },
};

/** @returns How many findings were mended. */
async function fixFiles(findings: readonly Finding[]): Promise<number> {
  const { applyFixes } = await import("../lint/fix.js");
  let count = 0;
  for (const file of new Set(findings.filter(({ edits }) => edits !== undefined).map((one) => one.file))) {
    const whole = readFileSync(file, "utf8");
    const mark = whole.startsWith("\uFEFF") ? "\uFEFF" : "";
    const own = findings.filter((one) => one.file === file);
    const { text: after, fixed } = applyFixes(whole.slice(mark.length), own);
    writeWhole(file, mark + after);
    count += fixed.length;
  }
  return count;
}
