// Writes src/lint/crd/*.ts from the custom resource schemas of Istio: node tools/crd-schemas.mjs FOLDER
// FOLDER has envoyfilter.schema.json and its like, each with the schema as the CRD has it and where it comes from.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("Name the folder of the schemas: node tools/crd-schemas.mjs FOLDER");
const out = fileURLToPath(new URL("../src/lint/crd/", import.meta.url));

/** @type {readonly (readonly [source: string, target: string, name: string])[]} */
const kinds = [
  ["envoyfilter", "envoy-filter", "envoyFilterSchema"],
  ["wasmplugin", "wasm-plugin", "wasmPluginSchema"],
  ["trafficextension", "traffic-extension", "trafficExtensionSchema"],
];
for (const [source, target, name] of kinds) {
  const { provenance, versions } = JSON.parse(readFileSync(`${folder}/${source}.schema.json`, "utf8"));
  const [version = ""] = Object.keys(versions);
  const { spec } = versions[version].openAPIV3Schema.properties;
  writeFileSync(
    `${out}${target}.ts`,
    `// Made by tools/crd-schemas.mjs from ${provenance.source} ${provenance.path} of ${provenance.commitDate.slice(0, 10)}
// (commit ${provenance.commit}, ${provenance.license}): the spec of ${version}, without its descriptions.
// What its CEL rules say is said by rules of ours.
import type { Schema } from "../schema.js";

export const ${name}: Schema = ${JSON.stringify(stripped(spec), undefined, 2)};
`,
  );
}

/** @param {any} schema @returns {any} */
function stripped(schema) {
  if (Array.isArray(schema)) return schema.map(stripped);
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key, value]) => {
    const isText = key === "description" && typeof value === "string";
    return !isText && key !== "x-kubernetes-validations";
  });
  return Object.fromEntries(kept.map(([key, value]) => [key, stripped(value)]));
}
