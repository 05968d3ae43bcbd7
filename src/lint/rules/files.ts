import { didYouMean } from "../../abi/nearest.js";
import { disableComments } from "../disable.js";
import type { Rule } from "../rule.js";
import { draft, shown } from "../rule.js";

const kinds = [
  "EnvoyFilter",
  "WasmPlugin",
  "TrafficExtension",
  "EnvoyExtensionPolicy",
  "ConfigMap",
  "Deployment",
  "Service",
  "Namespace",
];

export const fileRules: readonly Rule[] = [
  {
    id: "M-Y1",
    severity: "error",
    title: "The file is YAML or JSON, in UTF-8",
    why: "Nobody can read it: kubectl stops at the same place.",
    fix: "Mend the syntax at the place named, or name the right file.",
    *check({ files }) {
      for (const { file, problems } of files) {
        for (const { what, message, place } of problems) {
          if (what === "syntax" || what === "not-an-object") yield { file, place, message };
        }
      }
    },
  },
  {
    id: "M-Y2",
    severity: "error",
    title: "No key stands twice",
    why: "istiod refuses the object; kubectl takes the last one silently.",
    fix: "Remove one of them.",
    *check({ files }) {
      for (const { file, problems } of files) {
        for (const { what, message, place } of problems) if (what === "duplicate-key") yield { file, place, message };
      }
    },
  },
  {
    id: "M-Y3",
    severity: "error",
    title: "The file has an object",
    why: "An empty file applies nothing, and nobody tells.",
    fix: "Name the file that was meant.",
    *check({ files }) {
      for (const { file, problems } of files) {
        for (const { what, message, place } of problems) if (what === "empty") yield { file, place, message };
      }
    },
  },
  {
    id: "M-Y4",
    severity: "warning",
    title: "The file has an object that these rules know",
    why: "Nothing in the file was checked.",
    fix: `Give files with ${kinds.join(", ")}, a patch of a Deployment, or a static configuration of Envoy.`,
    *check({ files }) {
      for (const { documents } of files) {
        for (const document of documents) {
          if (document.kind !== undefined) continue;
          const { kind, apiVersion } = document.value;
          const what = kind === undefined ? "an object without a kind" : `${shown(kind)} of ${shown(apiVersion)}`;
          const near = typeof kind === "string" ? didYouMean(kind, kinds) : "";
          const alone = documents.every((one) => one.kind === undefined);
          const severity = alone || near !== "" ? ("warning" as const) : ("information" as const);
          yield draft(document, ["kind"], `This is ${what}, which is not checked${near}`, { severity });
        }
      }
    },
  },
  {
    id: "M-Y5",
    severity: "warning",
    title: "A comment pwh-lint-disable names rules that there are",
    why: "It turns nothing off.",
    fix: "Write the id of a rule; pwh lint --rules lists them.",
    *check({ files, ruleIds }) {
      for (const { file, text } of files) {
        for (const { rules, line, column } of disableComments(text)) {
          const unknown = rules.filter((id) => !ruleIds.has(id.toUpperCase()));
          const place = { line, column };
          if (rules.length === 0) yield { file, place, message: "pwh-lint-disable names no rule" };
          if (unknown.length > 0) yield { file, place, message: `There is no rule ${unknown.join(", ")}` };
        }
      }
    },
  },
];
